// Which pull policy an image has when its author names none: it goes by the tag, and so by how image names are read.

const NAME = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const REGISTRY = `(?:${LABEL}(?:\\.${LABEL})*|\\[[A-Fa-f0-9:]+\\])(?::[0-9]+)?`;
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DIGEST = 'sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}';
const IMAGE = new RegExp(`^(?:${REGISTRY}/)?${NAME}(?:/${NAME})*(?::(?<tag>${TAG}))?(?:@(?<digest>${DIGEST}))?$`);
/** Taken for the id of an image, which is no name. */
const ID = /^[a-f0-9]{64}$/;

/** `Always` for the tag latest, which an image without tag and digest has; what is no name of an image has no tag. */
export function pullPolicyOf(image: unknown): 'Always' | 'IfNotPresent' {
  const parts = typeof image === 'string' && !ID.test(image) ? IMAGE.exec(image) : null;
  if (parts === null) return 'IfNotPresent';
  const { tag, digest } = parts.groups ?? {};
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent';
}
