-- Approves the stage that waits for approval, or the promotion, whose number is that of the stages plus one.
local os = require("os")
local now = os.date("!%Y-%m-%dT%H:%M:%SZ")
local release = obj.status.release
local index = release.stageIndex or 0
local stage = obj.spec.stages[index + 1] or {}
local analysis = obj.spec.analysis or {}

local approved = false
for _, number in ipairs(release.approvedStages or {}) do
  if number == index + 1 then approved = true end
end
-- Times of one form, so the order of the letters is the order of the times.
local timedOut = release.stageTimesOutAt ~= nil and release.stageTimesOutAt <= now
local inconclusive = analysis.onInconclusive == "Approve" and timedOut and release.verdict ~= "Pass"

local last = #obj.spec.stages
local promotion = obj.spec.promotion or {}
local own = (stage.approval == "Required" or inconclusive) and not approved
local number = index + 1
if not own and index + 1 >= last and promotion.approval == "Required" then number = last + 1 end

obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/command"] = "approve:" .. release.id .. "/" .. number .. ":" .. now
return obj
