// Writes the few forms of DER (ITU-T X.690) that a certificate is made of. Node reads back what was written.

import { Buffer } from 'node:buffer';

const TAG = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

/** Below 128 the length itself, else how many bytes follow and those. */
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(TAG.sequence, ...parts);
}

export function setOf(part: Uint8Array): Buffer {
  return tagged(TAG.set, part);
}

/** A number that is not negative, its most significant byte first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const shortest = first === -1 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first));
  return tagged(TAG.integer, ...((shortest[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : []), shortest);
}

/** @param unused how many of the last bits are none */
export function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(TAG.bits, Buffer.from([unused]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(TAG.octets, bytes);
}

export function utf8String(text: string): Buffer {
  return tagged(TAG.text, Buffer.from(text));
}

export function trueValue(): Buffer {
  return Buffer.from([0x01, 0x01, 0xff]);
}

/** `1.2.840.10045.4.3.2`: the first two numbers share a byte, each other takes seven bits a byte. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((number) => {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tagged(TAG.oid, Buffer.from([first * 40 + second, ...bytes]));
}

/** Two digits of the year up to 2049, four from then on (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return digits < '2050' ? tagged(TAG.utcTime, Buffer.from(digits.slice(2))) : tagged(TAG.time, Buffer.from(digits));
}

/** `[number]` in the notation of ASN.1. @param primitive holds bytes instead of further values */
export function context(number: number, primitive: boolean, content: Uint8Array): Buffer {
  return tagged((primitive ? 0x80 : 0xa0) | number, content);
}
