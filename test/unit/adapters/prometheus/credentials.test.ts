import { describe, expect, test } from 'vitest';
import { checkHeaders, parseCredentials, redact } from '../../../../src/adapters/prometheus/credentials.ts';

describe('a Secret', () => {
  test('a Secret gives headers and certificates, without the line end that files have', () => {
    expect(parseCredentials({ token: ' t\n', 'ca.crt': 'CA', 'tls.crt': 'C', 'tls.key': 'K' })).toEqual({
      headers: { authorization: 'Bearer t' },
      ca: 'CA',
      cert: 'C',
      key: 'K',
    });
  });

  test('a Secret of nothing but an authority trusts it and gives no identity', () => {
    expect(parseCredentials({ 'ca.crt': 'CA' })).toEqual({ headers: {}, ca: 'CA' });
  });

  test('a Secret keeps spaces and umlauts of a password', () => {
    const { headers } = parseCredentials({ username: 'u', password: ' pä ss \n' });
    expect(Buffer.from(headers['authorization']?.slice(6) ?? '', 'base64').toString('utf8')).toBe('u: pä ss ');
  });

  test.each([
    [{ username: 'hunter2' }, /username and password/],
    [{ token: 'hunter2', username: 'u', password: 'p' }, /exclude each other/],
    [{ 'tls.crt': 'hunter2' }, /tls.crt and tls.key/],
    [{ 'header-name': 'hunter2' }, /header-name and header-value/],
    [{ headers: 'hunter2' }, /not a JSON object/],
    [{ headers: '["hunter2"]' }, /not a JSON object/],
    [{ headers: '{"X-A":["hunter2"]}' }, /not a JSON object/],
    [{ token: 'hunter2\r\nx: y' }, /cannot contain/],
    [{ 'header-name': 'Host', 'header-value': 'hunter2' }, /header name/],
    [{ 'header-name': 'Content-Length', 'header-value': 'hunter2' }, /header name/],
    [{ 'header-name': 'x y', 'header-value': 'hunter2' }, /header name/],
  ])('%j is refused without repeating it', (secret, message) => {
    expect(() => parseCredentials(secret)).toThrow(message);
    expect(() => parseCredentials(secret)).not.toThrow(/hunter2/);
  });
});

describe('headers', () => {
  test('headers have names in lower case, so that none is sent twice', () => {
    expect(checkHeaders({ 'X-Scope-OrgID': 'a' })).toEqual({ 'x-scope-orgid': 'a' });
  });
});

describe('redaction', () => {
  const basic = parseCredentials({ username: 'shop', password: 'hunter2' });
  const bearer = parseCredentials({ token: 'hunter2', headers: '{"X-Tenant":"secret-tenant"}' });

  test('redaction takes out passwords, tokens and headers in every spelling that was sent', () => {
    expect(redact(`${btoa('shop:hunter2')} and hunter2`, basic)).toBe('[secret] and [secret]');
    expect(redact('Bearer hunter2, hunter2, secret-tenant', bearer)).toBe('[secret], [secret], [secret]');
  });

  test('redaction leaves other words alone, and those too short to be secrets', () => {
    expect(redact('a plain message', parseCredentials({ token: 'a' }))).toBe('a plain message');
  });
});
