// Optional fields: an absent one and one that is undefined are not the same to a schema, nor to the compiler here.

/** The same fields, those that may be undefined as optional ones. */
type Defined<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * The object without its undefined fields.
 * @example withoutUndefined({ verb, by }) // { verb } without a name
 */
export function withoutUndefined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
