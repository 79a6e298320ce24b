/** One operation of an OpenAPI document. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly query: readonly string[];
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
}

type Documented = Record<
  string,
  { requestBody?: { content?: Record<string, { schema?: Schema }> }; parameters?: { in: string; name: string }[] }
>;

export const operationsOf = (document: { readonly paths: Readonly<Record<string, unknown>> }): Operation[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Documented).map(([method, { requestBody, parameters = [] }]) => ({
      method: method.toUpperCase(),
      path,
      body: Object.values(requestBody?.content ?? {})[0]?.schema,
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
    })),
  );

/** A number in [0, 1), the same for the same seed (mulberry32): a failure is repeated by its seed. */
export function seededRandom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const strangeTexts = [
  '',
  ' ',
  '\0',
  'ü\u{10ffff}\ud800',
  '../../../etc/passwd',
  "' or 1=1 --",
  '%00%ff%2e%2e%2f',
  '{{7*7}}#{7*7}',
  '<script>alert(1)</script>',
  'a'.repeat(9_000),
  '0'.repeat(400),
  '2026-13-45T99:99:99Z',
  '-1',
  '1e309',
  '__proto__',
  'constructor',
  '0190a1b2-0000-7000-8000-000000000001',
  'main',
  'p-0190a1b2-0000-7000-8000-000000000001',
  '*',
  '[',
  'https://[::1',
];

const strangeValues: readonly unknown[] = [
  null,
  true,
  -0,
  1.5,
  2 ** 53,
  -(2 ** 63),
  [],
  [[[[[[]]]]]],
  {},
  { __proto__: null, constructor: { prototype: 1 }, toString: 1 },
  { length: { toString: 1 }, size: { toString: 1 } },
  Array.from({ length: 300 }, (_, i) => i),
];

/** Draws requests of one seed. `secret` stands wherever a caller would put one. */
export class Malformed {
  constructor(
    private readonly random: () => number,
    private readonly secret: string,
  ) {}

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  text(): string {
    return this.chance(0.3) ? this.secret : this.pick(strangeTexts);
  }

  value(): unknown {
    return this.chance(0.5) ? this.text() : this.pick(strangeValues);
  }

  /** What the schema asks for, nearly: most fields plausible, some wrong, some missing, some too many. */
  bodyValue(schema: Schema | undefined, depth = 0): unknown {
    if (!schema || depth > 6 || this.chance(0.2)) return this.value();
    const [first] = [schema.type].flat();
    if (schema.enum && this.chance(0.7)) return this.pick(schema.enum);
    if (schema.anyOf) return this.bodyValue(this.pick(schema.anyOf), depth + 1);
    if (schema.properties) {
      const entries = Object.entries(schema.properties).filter(() => this.chance(0.85));
      const made = Object.fromEntries(entries.map(([name, of]) => [name, this.bodyValue(of, depth + 1)]));
      return this.chance(0.2) ? { ...made, [this.text() || 'x']: this.value() } : made;
    }
    if (schema.items)
      return Array.from({ length: Math.floor(this.random() * 4) }, () => this.bodyValue(schema.items, depth + 1));
    if (first === 'string') return this.text();
    return first === 'boolean' ? this.chance(0.5) : Math.floor(this.random() * 1_000) - 500;
  }

  body({ body, method }: Operation): Buffer | undefined {
    if (method === 'GET' && this.chance(0.9)) return undefined;
    const text = Buffer.from(JSON.stringify(this.bodyValue(body as Schema)) ?? '');
    const kind = this.random();
    if (kind < 0.08) return text.subarray(0, Math.floor(text.length * this.random()));
    if (kind < 0.12) return Buffer.concat([text, Buffer.from([0xff, 0xfe, 0x00, 0xc0])]);
    if (kind < 0.15) return Buffer.from('['.repeat(20_000));
    if (kind < 0.18) return Buffer.from(`{"a":"${'x'.repeat(400_000)}"}`);
    if (kind < 0.22) return Buffer.from(`grant_type=${this.secret}&a[__proto__]=1&&&=%ff%zz`);
    return text;
  }

  path({ path, query }: Operation): string {
    const filled = path.replaceAll(/\{[^}]+\}|:[A-Za-z]+/g, () => this.inAddress());
    const names = [...query.filter(() => this.chance(0.4)), ...(this.chance(0.1) ? ['unknown'] : [])];
    return names.length === 0 ? filled : `${filled}?${names.map((name) => `${name}=${this.inAddress()}`).join('&')}`;
  }

  headers(authorization: string | undefined): Record<string, string> {
    const type = this.pick([
      'application/json',
      'application/json',
      'application/json; charset=utf-16',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      '*/*',
    ]);
    return {
      'content-type': type,
      ...(authorization && { authorization }),
      ...(this.chance(0.2) && { 'x-tenant-id': this.inHeader() }),
      ...(this.chance(0.1) && { 'x-tenant-name': this.inHeader() }),
      ...(this.chance(0.2) && { 'idempotency-key': this.inHeader() }),
      ...(this.chance(0.2) && { 'if-match': this.inHeader() }),
      ...(this.chance(0.1) && { cookie: `__Host-gatehouse=${this.inHeader()}; ; =;a=b=c` }),
      ...(this.chance(0.1) && { dpop: this.inHeader() }),
      ...(this.chance(0.1) && { 'x-forwarded-for': this.inHeader() }),
      ...(this.chance(0.1) && { traceparent: this.inHeader() }),
      ...(this.chance(0.05) && { accept: this.inHeader() }),
    };
  }

  authorization(): string | undefined {
    return this.pick([
      undefined,
      `Bearer ${this.secret}`,
      `DPoP ${this.secret}`,
      'Bearer a.b.c',
      'Basic Og==',
      'Bearer',
      `bearer  ${this.secret}`,
      this.inHeader(),
    ]);
  }

  /** Node's own client refuses to send some texts at all; those are tried on raw sockets by the gateway's specs. */
  private inHeader(): string {
    return this.text()
      .replaceAll(/[^\x20-\x7e]/g, '')
      .slice(0, 3_000);
  }

  private inAddress(): string {
    return (
      encodeURIComponent(
        this.text()
          .replaceAll(/[\ud800-\udfff]/g, 'x')
          .slice(0, 400),
      ) || 'x'
    );
  }
}
