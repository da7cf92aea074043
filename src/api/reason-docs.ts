// What events and conditions mean, for docs/reasons.md: a new one does not compile without its line.

import type { ConditionType, EventReason } from './names.ts';

/** What each event says. */
export const EVENT_DOCS: Readonly<Record<EventReason, string>> = {
  ReleaseStarted: 'A release of a new revision began. No weight was written yet.',
  StageStarted: 'Every route gives the canary the weight of the stage, and every gateway has accepted it.',
  WeightShifted: 'The weight of the canary changes, or the Deployment starts to roll out.',
  VerdictFailed: 'A check failed at one evaluation. Whether traffic goes back depends on `consecutive` and `onBreach`.',
  ApprovalNeeded: 'The release waits for the command `approve`.',
  Approved: 'A person approved a stage or the promotion.',
  Paused: 'The weight of the release does not rise until a person resumes it.',
  Resumed: 'The release continues after a pause or a block.',
  Promoted: 'The revision serves.',
  RollbackStarted: 'All traffic goes back to the serving version.',
  Completed: 'The stages of an experiment (`spec.promotion.mode: None`) have passed, and no route gives the canary traffic any more.',
  RolledBack: 'The rollback is complete: no route gives the canary traffic.',
  RouteDrift: 'Someone else changed a weight of the release.',
  RouteContested: 'A field manager keeps reverting the weights; they are not raised until a person resumes.',
  RouteNotAccepted: 'A gateway rejected a route of the release, or has not answered its last change for a minute.',
  MetricsUnavailable: 'Prometheus did not answer; the weight is held or reduced.',
  NoTraffic: 'The canary has weight and no request was counted; the weight is held.',
  TrafficSplitMismatch: 'The gateway does not split traffic as the weights say; the weight is held.',
  GatewayErrors:
    'Gateways answered requests with an error of their own soon after a weight was set, because a backend was not there yet. No verdict goes by them.',
  CanaryEmpty: 'The canary had traffic and no ready endpoint; all traffic goes back.',
  CanaryNotReady: 'Endpoints of the canary have not been ready for a minute; the message names the pods. The weight is not raised.',
  ServingEmpty:
    'No ready endpoint stands behind the serving Service; the message says why. The weight is not raised; at rest in Deployment mode, a new revision rolls out without a canary.',
  CommandRefused: 'A command was rejected; the message says why.',
  Blocked: 'The release cannot begin, or its weight cannot rise; see the block reasons above.',
  HoldBypassed: 'The Deployment rolled out a revision without a canary.',
  HoldUnavailable: 'No admission policy or webhook holds template changes of the Deployment any more.',
  WrongVersionServing: 'Pods of another version were running for the held Deployment and were scaled down.',
  GitOpsManaged: 'A GitOps tool applies an object of the release and needs a setting.',
  PolicyParity: 'Policies of the namespace treat the canary differently from the serving pods.',
  OtherCanaryRules: 'Rules that the release does not change send requests to the canary, or to what served before a promotion.',
  LittleTraffic:
    'The serving version had few requests before the release: the default stages are those for little traffic, or a stage cannot get the requests that a Pass needs; then the message says which weight or time would do.',
  GateStarted: 'A gate began: its Job is created, or the request is sent.',
  GatePassed: 'A gate passed.',
  GateFailed: 'A gate failed; `onFailure` decides whether the release rolls back or pauses.',
  GateInterrupted:
    'An operator ended while a gate was running, or its Job was deleted, so its result is not known. It is not run again automatically.',
  GateSkipped: 'A person continued without a gate.',
};

/** What each condition says when it is True. */
export const CONDITION_DOCS: Readonly<Record<ConditionType, string>> = {
  Ready: 'No release is under way and the last one was promoted, or there was none.',
  Reconciling: 'A release is under way, paused, or waiting for a person.',
  Stalled:
    'A person has to act: the release is blocked or was rolled back. A release that has not begun and waits for an object that does not exist yet is Stalled after a minute.',
  RoutesAccepted: 'Every gateway has accepted every route of the release as it is.',
  MetricsAvailable: 'Prometheus answers, and the metrics source is known.',
  AnalysisEnforced: 'A failed verdict rolls the release back.',
  CanaryReady: 'The pods of the canary are ready.',
  ServingReady: 'The serving Service has a ready endpoint. Present while a release is running.',
  RouteContested: 'Another field manager keeps reverting the weights.',
  TrafficSplitMismatch: 'The gateway does not split traffic as the weights say.',
  TemplateHeld: 'A change of the template of the Deployment is held until it is released.',
  GitOpsManaged: 'A GitOps tool applies a route or the Deployment.',
  PolicyParity: 'Every compared policy covers the canary as it covers the serving pods.',
  OtherCanaryRules:
    'Rules that the release does not change send requests to the canary: `OwnRules` were there before it began, or give requests to a revision that was rejected, `ForeignRules` came later and keep it from its end, `FormerServing` still send requests to what served before a promotion.',
  MetricsHazards:
    'What the metrics source does not count, or needs to be set, for the routes of this release: `FailuresUnseen` where failures of a kind of route are not seen at all, else `KnownGaps`.',
  SessionsPersist:
    'A rule of the release, or a policy for its Service, keeps users on the version that answered them first. Present only while it is True.',
  RevisionVisible:
    'A new version behind the Services of `spec.services` would be seen. Present only while it is False: the pods have no label `pod-template-hash`, so `spec.revision` has to name each version.',
  GatesPassed: 'Every gate that has begun in this release has passed. Present while a release with gates is running.',
};
