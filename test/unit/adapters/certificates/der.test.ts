import { expect, test } from 'vitest';
import { bitString, context, integer, objectIdentifier, octetString, sequence, time } from '../../../../src/adapters/certificates/der.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test.each([
  ['an integer', integer(Buffer.from([2])), '020102'],
  ['zero', integer(Buffer.from([0, 0])), '020100'],
  ['an integer whose first bit is set, which would be a sign', integer(Buffer.from([0xff])), '020200ff'],
  ['an integer with zeros in front', integer(Buffer.from([0, 0, 1, 0])), '02020100'],
  ['a string of bits', bitString(Buffer.from([0x80]), 7), '03020780'],
  ['a sequence', sequence(integer(Buffer.from([1])), integer(Buffer.from([2]))), '3006020101020102'],
  ['numbers of one and of several bytes', objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  ['a time', time(Date.UTC(2030, 1, 3, 4, 5, 6)), '170d3330303230333034303530365a'],
  ['a time beyond 2049', time(Date.UTC(2050, 1, 3, 4, 5, 6)), '180f32303530303230333034303530365a'],
  ['a tag of a context', context(2, true, Buffer.from('a')), '820161'],
])('DER encodes %s', (_what, bytes, wanted) => {
  expect(hex(bytes)).toBe(wanted);
});

test.each([
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [65_536, '0483010000'],
])('a length of %i', (length, head) => {
  const bytes = octetString(Buffer.alloc(length));
  expect(hex(bytes).startsWith(head)).toBe(true);
  expect(bytes).toHaveLength(head.length / 2 + length);
});
