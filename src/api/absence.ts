// Absence in an object: a field without a value is left out, rather than set to undefined.

/** `Fields` with each that may be undefined as an optional one. */
export type Defined<Fields> = {
  readonly [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key];
} & {
  readonly [Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined>;
};

/** The fields that have a value, in their order. */
export function withoutUndefined<Fields extends object>(fields: Fields): Defined<Fields> {
  const defined: Partial<Fields> = {};
  for (const key of Object.keys(fields) as (keyof Fields)[]) if (fields[key] !== undefined) defined[key] = fields[key];
  return defined as unknown as Defined<Fields>;
}
