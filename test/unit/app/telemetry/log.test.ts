import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../../../src/api/errors.ts';
import { createLogger, formatTransition, logTransition, serializeError, type TransitionLine } from '../../../../src/app/telemetry/log.ts';

function setUp(fields?: () => Record<string, string>) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level: 'info', destination, ...(fields === undefined ? {} : { fields }) });
  const parsed = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines, parsed };
}

/** As a client of the API server throws it: body and headers in the message, and again as fields. */
function answerError(): Error {
  const message =
    'HTTP-Code: 403\nMessage: Unknown API Status Code!\nBody: {"data":"hunter2"}\nHeaders: {"authorization":"Bearer hunter2"}';
  return Object.assign(new Error(message), { code: 403, body: 'hunter2', headers: { authorization: 'Bearer hunter2' } });
}

const LINE: TransitionLine = {
  namespace: 'shop',
  name: 'store-api',
  uid: 'u1',
  revision: '1.8.1',
  weight: 25,
  from: { state: 'Analyzing', words: 'stage 1/3 (5%)' },
  to: { state: 'Shifting', words: 'stage 2/3 (25%)' },
  reason: 'StagePassed',
  message: 'errors 0.12% (limit 1%) over 812 requests',
};

describe('a log line', () => {
  test('a log line has the name of its level, an ISO time, and neither process id nor host', () => {
    const { log, parsed } = setUp();
    log.warn({ route: 'shop/store' }, 'changed');
    expect(parsed()).toEqual([
      { level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown, route: 'shop/store', msg: 'changed' },
    ]);
  });

  test('a log line below the level is not written', () => {
    const { log, lines } = setUp();
    log.debug('quiet');
    expect(lines).toEqual([]);
  });

  test('a log line carries the fields that are asked for each line', () => {
    let trace = 0;
    const { log, parsed } = setUp(() => ({ traceId: `t${++trace}` }));
    log.info('one');
    log.info('two');
    expect(parsed().map((line) => line['traceId'])).toEqual(['t1', 't2']);
  });

  test.each([
    ['as err with a message', (log: ReturnType<typeof setUp>['log']) => log.error({ err: answerError() }, 'cannot patch')],
    ['as err alone', (log: ReturnType<typeof setUp>['log']) => log.error({ err: answerError(), route: 'x' })],
    ['by itself', (log: ReturnType<typeof setUp>['log']) => log.error(answerError())],
    ['as a cause', (log: ReturnType<typeof setUp>['log']) => log.error(new Error('outer', { cause: answerError() }))],
    [
      'as an object that is no error',
      (log: ReturnType<typeof setUp>['log']) => log.error({ err: { message: 'no', config: { auth: 'hunter2' } } }, 'x'),
    ],
    [
      'as fields',
      (log: ReturnType<typeof setUp>['log']) => log.info({ headers: 'hunter2', target: { token: 'hunter2', password: 'hunter2' } }, 'x'),
    ],
  ])('a log line holds no headers, bodies or secrets of an error given %s', (_name, write) => {
    const { log, lines } = setUp();
    write(log);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hunter2');
  });

  test('a log line keeps the other fields beside an error without a message', () => {
    const { log, parsed } = setUp();
    log.error({ err: new Error('no'), route: 'x' });
    expect(parsed()[0]).toMatchObject({ route: 'x', msg: 'no', err: { type: 'Error', message: 'no' } });
  });
});

describe('an error in the log', () => {
  test('an error in the log has code, message, retryability, the frames of its stack and its causes', () => {
    const cause = Object.assign(new TypeError('fetch failed'), { code: 'ECONNRESET' });
    const logged = serializeError(new GlidepathError('GLIDEPATH_E_TEST', 'cannot ask', { cause, retryable: true }));
    expect(logged).toMatchObject({
      type: 'GlidepathError',
      code: 'GLIDEPATH_E_TEST',
      message: 'cannot ask',
      retryable: true,
      cause: { type: 'TypeError', code: 'ECONNRESET', message: 'fetch failed' },
    });
    expect(logged.stack).toMatch(/^ {4}at /);
    expect(logged.stack).not.toContain('cannot ask');
  });

  test('an error of an answer keeps status and reason in the log', () => {
    expect(serializeError(answerError())).toMatchObject({ code: 403, message: 'HTTP-Code: 403 Message: Unknown API Status Code!' });
  });

  test('an error of several connection attempts names each in the log', () => {
    const error = new AggregateError([new Error('connect ECONNREFUSED ::1:9090'), new Error('connect ECONNREFUSED 127.0.0.1:9090')]);
    expect(serializeError(error).message).toBe('connect ECONNREFUSED ::1:9090; connect ECONNREFUSED 127.0.0.1:9090');
  });

  test('an error in the log ends somewhere even if the causes go round in a circle', () => {
    const error = new Error('again');
    error.cause = error;
    expect(JSON.stringify(serializeError(error)).match(/"again"/g)).toHaveLength(5);
  });

  test.each([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [{ message: 'from a client' }, 'from a client'],
    [{ status: 500 }, 'an object without a message was thrown'],
  ])('a thrown value that is no error (%j) has a message all the same', (thrown, message) => {
    expect(serializeError(thrown).message).toBe(message);
  });
});

describe('the line of a transition', () => {
  test('the line of a transition can be read aloud', () => {
    expect(formatTransition(LINE)).toBe(
      'shop/store-api 1.8.1: stage 1/3 (5%) -> stage 2/3 (25%): errors 0.12% (limit 1%) over 812 requests',
    );
  });

  test('the line of a transition names the states where the stage stays the same', () => {
    const to = { state: 'Paused', words: 'stage 1/3 (5%)' };
    expect(formatTransition({ ...LINE, to, message: '' })).toBe('shop/store-api 1.8.1: stage 1/3 (5%): Analyzing -> Paused: StagePassed');
  });

  test('the line of a transition does without a revision', () => {
    const { revision: _, ...line } = LINE;
    expect(formatTransition(line)).toMatch(/^shop\/store-api: stage 1/);
  });

  test('the line of a transition has the same as fields, and the level says whether it is trouble', () => {
    const { log, parsed } = setUp();
    logTransition(log, LINE);
    logTransition(log, LINE, true);
    const fields = {
      release: 'shop/store-api',
      uid: 'u1',
      revision: '1.8.1',
      weight: 25,
      from: 'Analyzing',
      to: 'Shifting',
      reason: 'StagePassed',
    };
    expect(parsed()).toMatchObject([
      { ...fields, level: 'info', msg: formatTransition(LINE) },
      { ...fields, level: 'warn' },
    ]);
  });
});
