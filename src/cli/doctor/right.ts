// One right of a role: the verbs on one resource.

/** One resource and what may be done with it. */
export interface Right {
  readonly group: string;
  /** With its subresource, such as `replicasets/scale`. */
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Only of the object of this name. */
  readonly name?: string;
}
