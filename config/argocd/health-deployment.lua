-- Health of a Deployment for applications with sync waves or PostSync hooks: like Argo CD's own, but one that Glidepath holds is
-- Healthy. Argo CD's own check calls a paused Deployment Suspended, and a sync waits for it: a fix could not be applied.
local hs = {}
local status = obj.status or {}
local wanted = obj.spec.replicas or 1
local updated = status.updatedReplicas or 0

if obj.spec.paused then
  local annotations = obj.metadata.annotations or {}
  local holder = annotations["glidepath.dev/held"]
  hs.status = "Suspended"
  hs.message = "Deployment is paused"
  if holder ~= nil then
    hs.status = "Healthy"
    hs.message = "held by canaryrelease/" .. holder .. ": the old pods serve until the new version has passed"
  end
  return hs
end

for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded" then
    hs.status = "Degraded"
    hs.message = "Deployment exceeded its progress deadline"
    return hs
  end
end

hs.status = "Progressing"
if (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  hs.message = "waiting for the Deployment controller"
elseif updated < wanted then
  hs.message = "waiting for new pods: " .. updated .. " of " .. wanted
elseif (status.replicas or 0) > updated then
  hs.message = "waiting for old pods to terminate: " .. (status.replicas - updated)
elseif (status.availableReplicas or 0) < updated then
  hs.message = "waiting for pods to become available: " .. (status.availableReplicas or 0) .. " of " .. updated
else
  hs.status = "Healthy"
end
return hs
