-- Advances to the next stage without waiting for the duration or the analysis.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] =
  "advance:" .. obj.status.release.id .. ":" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
