-- Lets a paused release, or one that was contested, go on.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] =
  "resume:" .. obj.status.release.id .. ":" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
