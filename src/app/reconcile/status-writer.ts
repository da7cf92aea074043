// Writes the status where that matters to a reader, and finds out whether somebody else moved the object on meanwhile.

import { toSortedJson } from '../../api/sorted-json.ts';
import { isGlidepathError } from '../../api/errors.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { parseState } from '../../core/release/state.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import { parseCached } from '../parsed.ts';
import type { World } from '../world.ts';
import { type Memory, needsCommit } from './memory.ts';
import type { MemoryStore } from './memory-store.ts';

/**
 * Writes the newest status that is known.
 * @returns `moved`: the object is another by now, so it is to be decided again
 * @throws GlidepathError of the write, conflicts apart
 */
export async function commitStatus(world: World, memories: MemoryStore, release: CanaryRelease): Promise<'done' | 'moved'> {
  const key = release.metadata;
  const memory = memories.get(key);
  if (memory === undefined || !needsCommit(memory, memory.status, world.clock.now())) return 'done';
  if (isForeign(world, memories, release, memory)) world.telemetry.foreignStatus(release);
  try {
    await put(world, memories, release, memory, newest(release.metadata.resourceVersion, memory.resourceVersion));
    return 'done';
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return 'done';
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) throw thrown;
    return commitOnFreshRead(world, memories, key, memory);
  }
}

/** Only we write the status: when it still says what we wrote last, just the rest of the object moved on. */
async function commitOnFreshRead(world: World, memories: MemoryStore, key: ReleaseKey, memory: Memory): Promise<'done' | 'moved'> {
  const fresh = parseCached(await world.releases.read(key));
  if (fresh === undefined || (fresh.metadata.uid ?? '') !== memory.uid) return 'moved';
  if (!isSameStatus(fresh.status, memory.committed)) {
    if (isForeign(world, memories, fresh, memory)) world.telemetry.foreignStatus(fresh);
    memories.drop(key);
    return 'moved';
  }
  await put(world, memories, fresh, memory, fresh.metadata.resourceVersion);
  return 'done';
}

async function put(
  world: World,
  memories: MemoryStore,
  release: CanaryRelease,
  memory: Memory,
  resourceVersion: string | undefined,
): Promise<void> {
  const { status } = memory;
  const { unknownState: _unknown, ...object } = release;
  const metadata = resourceVersion === undefined ? release.metadata : { ...release.metadata, resourceVersion };
  const signed = { ...status, internal: { ...status.internal, writer: world.instance } };
  const stored = await world.releases.replaceStatus({ ...object, metadata, status: signed });
  memories.noteWritten(memory);
  memories.update(release.metadata, () => ({
    committed: status,
    committedAtMs: world.clock.now(),
    resourceVersion: readVersion(stored),
  }));
}

/** Another operator wrote it since we did. A status from before our first write is our predecessor's. */
function isForeign({ instance }: World, memories: MemoryStore, { metadata, status }: CanaryRelease, memory: Memory): boolean {
  const { resourceVersion } = metadata;
  if (!memories.hasWritten(memory) || resourceVersion === memory.resourceVersion) return false;
  if (newest(resourceVersion, memory.resourceVersion) !== resourceVersion) return false;
  const writer = status?.internal?.writer;
  return writer !== undefined && writer !== instance;
}

/** The newer of two resource versions: numbers on every API server since 1.35, else the cache's. */
function newest(cached: string | undefined, own: string | undefined): string | undefined {
  if (own === undefined || cached === undefined) return own ?? cached;
  if (!/^\d+$/.test(own) || !/^\d+$/.test(cached)) return cached;
  return BigInt(own) > BigInt(cached) ? own : cached;
}

function readVersion(stored: unknown): string | undefined {
  const metadata = typeof stored === 'object' && stored !== null && 'metadata' in stored ? stored.metadata : undefined;
  const version = typeof metadata === 'object' && metadata !== null && 'resourceVersion' in metadata ? metadata.resourceVersion : undefined;
  return typeof version === 'string' ? version : undefined;
}

/** The state and release say who wrote last; running numbers do not matter. */
function isSameStatus(fresh: CanaryReleaseStatus | undefined, ours: CanaryReleaseStatus): boolean {
  const [theirs, mine] = [fresh?.release, ours.release];
  if (parseState(fresh?.state) !== parseState(ours.state) || theirs?.id !== mine?.id) return false;
  // A gate that another operator has begun is not begun again by one that still believes that it leads.
  return theirs?.lookGridAt === mine?.lookGridAt && toSortedJson(theirs?.gates) === toSortedJson(mine?.gates);
}
