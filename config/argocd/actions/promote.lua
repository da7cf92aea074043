-- Gives the canary all traffic without the stages that are left.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] =
  "promote:" .. obj.status.release.id .. ":" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
