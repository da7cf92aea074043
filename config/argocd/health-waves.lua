-- Health of a CanaryRelease for applications with sync waves or PostSync hooks. There a sync waits until everything is Healthy,
-- and while it waits Argo CD applies no new commit: a fix could not get in. So a release that runs, or that waits for people, is
-- Healthy here and says what it does in its message. Degraded is as in health.lua.
local hs = {}

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "waits for the operator"
  return hs
end

hs.status = "Healthy"
hs.message = obj.status.message
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then hs.status = "Degraded" end
end
return hs
