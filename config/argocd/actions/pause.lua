-- Holds the present weight until somebody resumes. The canary is judged on.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] =
  "pause:" .. obj.status.release.id .. ":" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
