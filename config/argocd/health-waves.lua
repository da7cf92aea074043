-- Health of a CanaryRelease for applications with sync waves or PostSync hooks. There a sync waits until everything is Healthy,
-- and while it waits Argo CD applies no new commit: a fix could not be applied. So a release that is running, or that waits for people,
-- is Healthy here, and its message says what it does. Degraded is as in health.lua.
local hs = {}

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "waiting for the operator"
  return hs
end

hs.status = "Healthy"
hs.message = obj.status.message
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then hs.status = "Degraded" end
end
return hs
