-- Health of a CanaryRelease. Argo CD gives Lua no string library by default, and none is needed here.
local hs = {}

-- The operator has not reconciled this object, or its last change, yet.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "waiting for the operator"
  return hs
end

local ready, stalled = false, false
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Ready" then ready = condition.status == "True" end
  if condition.type == "Stalled" then stalled = condition.status == "True" end
end

local phase = obj.status.phase
hs.message = obj.status.message

if obj.metadata.deletionTimestamp ~= nil then
  hs.status = "Progressing"
elseif ready then
  hs.status = "Healthy"
elseif stalled then
  -- Rolled back, blocked or contested: it needs a person or another commit.
  hs.status = "Degraded"
elseif phase == "Paused" or phase == "AwaitingApproval" then
  hs.status = "Suspended"
else
  hs.status = "Progressing"
end
return hs
