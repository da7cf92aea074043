// The version of the command line, the same as the package's (a test compares them).

/** Version of `kubectl canary`. */
export const CLI_VERSION = '0.1.0';
