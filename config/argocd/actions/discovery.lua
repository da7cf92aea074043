-- Which actions are valid in the current state of a CanaryRelease.
local phase = obj.status ~= nil and obj.status.phase or "Idle"
local hasRelease = obj.status ~= nil and obj.status.release ~= nil

local running = {
  Preparing = true, Shifting = true, Analyzing = true, AwaitingApproval = true, Paused = true, Promoting = true,
}
-- A release that has not begun may be Blocked as well: then there is nothing to abort or resume.
local begun = hasRelease and obj.status.release.startedAt ~= nil and obj.status.release.finishedAt == nil
if phase == "Blocked" and begun then running.Blocked = true end

local function offer(allowed, icon)
  return { ["disabled"] = not (hasRelease and allowed), ["iconClass"] = icon }
end

local judged = phase == "Analyzing" or phase == "AwaitingApproval"
local actions = {}
actions["approve"] = offer(phase == "AwaitingApproval", "fa fa-fw fa-check")
actions["advance"] = offer(judged, "fa fa-fw fa-step-forward")
actions["promote"] = offer(judged, "fa fa-fw fa-fast-forward")
actions["abort"] = offer(running[phase] == true, "fa fa-fw fa-ban")
actions["pause"] = offer(judged or phase == "Preparing" or phase == "Shifting", "fa fa-fw fa-pause")
actions["resume"] = offer(phase == "Paused" or (phase == "Blocked" and begun), "fa fa-fw fa-play")
actions["retry"] = offer(phase == "RolledBack" or phase == "Completed", "fa fa-fw fa-redo")
-- A button cannot ask a second time: a revision that its author marked irreversible is undone from the command line.
local workload = hasRelease and obj.status.release.workload or nil
local reversible = workload == nil or workload.irreversible == nil
local promotes = phase == "Promoted" or (phase == "Promoting" and obj.status.state == "promoting.baking")
actions["undo"] = offer(promotes and reversible, "fa fa-fw fa-undo")
return actions
