// What a gateway is asked, in the order of docs/gateways.md. Answers are plain data: the page is made of them.

/** How a release ended. `lost`: answers that no backend gave. */
interface ReleaseAnswer {
  readonly phase: string;
  readonly seconds: number;
  readonly source: string;
  readonly lost: number;
}

interface Mirrored {
  readonly sent: number;
  readonly mirrored: number;
  readonly failed: number;
}

/** A gateway's answers, by question. Absent: not asked, or not answered by a run that broke off. */
export interface Answers {
  /** The canary's share of 2,000 answers, percent, by the share that was asked for. */
  readonly split?: Readonly<Record<string, number>>;
  /** Over several swaps, milliseconds after the patch. */
  readonly propagation?: {
    readonly firstNewMs: readonly number[];
    readonly lastOldMs: readonly number[];
    readonly statusMs: readonly number[];
  };
  /** Answers of a backend of weight 0, of 1,000. */
  readonly weightZero?: number;
  /** Answers of the canary with and without the header of a rule, of 200 each. */
  readonly header?: { readonly with: number; readonly without: number };
  /** Requests at a mirror, and answers to the requests that were mirrored. */
  readonly mirror?: Mirrored;
  /** The same with a percentage of 20. */
  readonly mirrorOfAFifth?: Mirrored;
  /** A rule with a mirror is added and removed under load. */
  readonly mirrorWrites?: { readonly writes: number; readonly sent: number; readonly lost: number };
  /** Calls of a GRPCRoute of 80 and 20, and those that did not end with status 0. */
  readonly grpc?: { readonly calls: number; readonly canary: number; readonly failed: number };
  /** One of ten requests goes to a Service without an endpoint. */
  readonly emptyBackend?: {
    readonly sent: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly conditions: readonly string[];
  };
  /** One of ten requests goes to a Service that is not there. */
  readonly missingBackend?: {
    readonly sent: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly conditions: readonly string[];
  };
  /** Writes of a release, up and home again and again, under load. */
  readonly writes?: { readonly writes: number; readonly sent: number; readonly lost: number };
  /** Answers lost by three rollouts without a release, by how long pods answer after they were told to end. */
  readonly rollout?: Readonly<Record<string, number>>;
  /** Whole releases by this gateway. */
  readonly releases?: Readonly<Record<string, ReleaseAnswer>>;
  /** The same by a route whose parent is a Service, for a caller inside the mesh. */
  readonly mesh?: Readonly<Record<string, ReleaseAnswer>>;
}

/** One gateway's answers and the version that gave them. */
export interface GatewayReport {
  readonly gateway: string;
  readonly version: string;
  /** Day of the run. */
  readonly date: string;
  readonly answers: Answers;
}
