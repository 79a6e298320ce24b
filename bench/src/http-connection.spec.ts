import { describe, expect, it } from '@jest/globals';
import { readAnswer } from './http-connection.js';

const head = 'HTTP/1.1 200 OK\r\nServer: x\r\n';
const whole = [
  { name: 'of a known length', text: `${head}Content-Length: 5\r\n\r\nhello` },
  {
    name: 'in chunks',
    text: `${head}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n10\r\n0123456789abcde\n\r\n0\r\n\r\n`,
  },
  { name: 'without a body', text: 'HTTP/1.1 200 No Content\r\n\r\n' },
];

describe('an answer', () => {
  it.each(whole)('$name is whole at its last byte, and not before', ({ text }) => {
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) expect(readAnswer(bytes.subarray(0, length))).toBeUndefined();
    expect(readAnswer(bytes)).toEqual({ status: 200, closes: false });
  });

  it('says its status, and whether the server closes', () => {
    const text = 'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
    expect(readAnswer(Buffer.from(text))).toEqual({ status: 503, closes: true });
  });
});
