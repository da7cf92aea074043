// What follows from an object alone is computed once for it. For objects that never change in place, as those of the informers' cache.

/** The function, which remembers its answer for as long as the object lives. @param compute pure */
export function oncePer<Key extends object, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, { readonly value: Value }>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found.value;
    const value = compute(key);
    known.set(key, { value });
    return value;
  };
}
