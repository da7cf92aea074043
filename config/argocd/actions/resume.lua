-- Resumes a paused or contested release.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] =
  "resume:" .. obj.status.release.id .. ":" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
