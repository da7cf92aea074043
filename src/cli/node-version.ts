// Imported before everything else: what is computed while modules load needs a new Node already.

const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error: kubectl canary needs Node ${OLDEST_NODE} or newer, this is ${process.version}; put a newer version on the PATH\n`,
  );
  process.exit(2);
}
