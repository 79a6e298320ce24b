import { z } from 'zod';

/**
 * What client and device say to each other within the sealed, resumable stream. Frames: type (u8), length (u32, big endian, at
 * most 65,536), payload. The first one is the client's `open`; the device answers `accepted` or `error`, and then both send what
 * belongs to the kind. Unknown types end the stream with `protocol`.
 */
export const frameTypes = {
  /** Client: JSON, `openMessage`. */
  open: 1,
  /** Device: JSON, `acceptedMessage`. */
  accepted: 2,
  /** Either: JSON, `errorMessage`; the last frame. */
  error: 3,
  /** Either: bytes of the terminal, of standard input or output, of a forwarded connection, of a file. */
  data: 4,
  /** Device: standard error, apart. */
  stderr: 5,
  /** Client: standard input or its half of a connection has ended; either, for forwards. */
  eof: 6,
  /** Client: JSON, `resizeMessage`. */
  resize: 7,
  /** Client: JSON, `signalMessage`. */
  signal: 8,
  /** Device: JSON, `exitMessage`; the last frame. */
  exit: 9,
  /** Either: JSON of the kind: requests and answers about files, log lines, metrics. */
  message: 10,
  /** Either: one UDP datagram behind the u32 number of its flow. */
  datagram: 11,
  /** Client: a new grant of the same session, as text. */
  renew: 12,
  /** Either, for reverse forwards: bytes of a connection behind its u32 number; an empty one ends that half. */
  channel: 13,
} as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];
export const maxFrameBytes = 65_536;

const terminal = z.object({
  term: z.string().regex(/^[A-Za-z0-9._+-]{1,64}$/),
  rows: z.int().min(1).max(4_096),
  columns: z.int().min(1).max(4_096),
});
const environment = z.record(z.string().regex(/^(LANG|LC_[A-Z]+|TZ|COLORTERM)$/), z.string().max(256)).optional();

export const openMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('shell'), terminal, environment }),
  z.object({
    kind: z.literal('exec'),
    /** Program and arguments: run as they are, no shell reads them. One string: the login shell's `-c`. */
    command: z.union([z.array(z.string().max(131_072)).min(1).max(4_096), z.string().min(1).max(131_072)]),
    terminal: terminal.optional(),
    /** False: standard input is empty. */
    stdin: z.boolean(),
    environment,
  }),
  z.object({ kind: z.literal('files') }),
  z.object({ kind: z.literal('forward'), target: z.string().min(1).max(512) }),
  z.object({
    kind: z.literal('logs'),
    follow: z.boolean(),
    tail: z.int().min(0).max(100_000).optional(),
    sinceMs: z.int().optional(),
    untilMs: z.int().optional(),
    /** Of the runtime alone unless given: systemd units. */
    units: z
      .array(z.string().regex(/^[A-Za-z0-9@._:-]{1,256}$/))
      .max(32)
      .optional(),
  }),
  z.object({ kind: z.literal('metrics'), intervalMs: z.int().min(250).max(60_000), count: z.int().min(1).optional() }),
  z.object({ kind: z.literal('ssh') }),
  z.object({ kind: z.literal('recording'), sessionId: z.uuid() }),
]);
export type OpenMessage = z.infer<typeof openMessage>;

export const acceptedMessage = z.object({ pid: z.int().optional() });
export const errorMessage = z.object({
  code: z.enum([
    'refused',
    'not_granted',
    'expired',
    'revoked',
    'not_found',
    'permission',
    'exists',
    'busy',
    'unsupported',
    'limit',
    'io',
    'protocol',
    'unreachable',
  ]),
  detail: z.string().max(512),
});
export type ErrorMessage = z.infer<typeof errorMessage>;
export const resizeMessage = terminal.pick({ rows: true, columns: true });
export const signalMessage = z.object({
  signal: z.enum(['INT', 'TERM', 'HUP', 'QUIT', 'KILL', 'USR1', 'USR2', 'TSTP', 'CONT']),
});
/** Exactly one of them is null. */
export const exitMessage = z.object({ code: z.int().nullable(), signal: z.string().max(16).nullable() });

/** Files: the client's requests, each with its own number; answers carry it. One bulk transfer at a time per stream. */
const path = z.string().min(1).max(4_096);
const fileMode = z.int().min(0).max(0o7777);
export const fileRequest = z.intersection(
  z.object({ id: z.int().min(1) }),
  z.discriminatedUnion('op', [
    z.object({ op: z.literal('stat'), path, followLinks: z.boolean() }),
    /** Entries in pages; `after` is the last name of the page before. */
    z.object({ op: z.literal('list'), path, after: z.string().max(255).optional() }),
    z.object({ op: z.literal('readlink'), path }),
    /** Answered by `data` frames from `offset` on, then by the answer with size, mode, mtime and hash of what was sent. */
    z.object({ op: z.literal('read'), path, offset: z.int().min(0) }),
    /**
     * Followed by `data` frames and `eof`: written beside the target under a name of `resume`, which the client chose. What an
     * earlier attempt left there is kept up to `offset`. Nothing is at `path` before `commit`.
     */
    z.object({
      op: z.literal('write'),
      path,
      size: z.int().min(0),
      offset: z.int().min(0),
      resume: z.string().regex(/^[a-f0-9]{32}$/),
    }),
    /** How much of an unfinished write is there, with the SHA-256 of it. */
    z.object({ op: z.literal('partial'), path, resume: z.string().regex(/^[a-f0-9]{32}$/) }),
    /** Checks the hash of the whole, makes it durable, gives it mode and time, and renames it to `path`. */
    z.object({
      op: z.literal('commit'),
      path,
      resume: z.string().regex(/^[a-f0-9]{32}$/),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      mode: fileMode.optional(),
      mtimeMs: z.number().optional(),
      overwrite: z.boolean(),
    }),
    z.object({ op: z.literal('mkdir'), path, mode: fileMode.optional(), parents: z.boolean() }),
    z.object({ op: z.literal('symlink'), path, target: path }),
    z.object({ op: z.literal('rename'), path, to: path }),
    /** A link is removed, never what it points to. */
    z.object({ op: z.literal('remove'), path, recursive: z.boolean() }),
    z.object({ op: z.literal('setattr'), path, mode: fileMode.optional(), mtimeMs: z.number().optional() }),
  ]),
);
export type FileRequest = z.infer<typeof fileRequest>;

export const fileEntry = z.object({
  name: z.string(),
  type: z.enum(['file', 'directory', 'symlink', 'other']),
  size: z.number(),
  mode: fileMode,
  mtimeMs: z.number(),
  uid: z.int(),
  gid: z.int(),
  /** Of a link. */
  target: z.string().optional(),
});
export type FileEntry = z.infer<typeof fileEntry>;

export const fileAnswer = z.object({
  id: z.int(),
  error: errorMessage.optional(),
  entry: fileEntry.optional(),
  entries: z.array(fileEntry).max(256).optional(),
  /** More entries follow after the last. */
  more: z.boolean().optional(),
  target: z.string().optional(),
  bytes: z.number().optional(),
  sha256: z.string().optional(),
});
export type FileAnswer = z.infer<typeof fileAnswer>;

export const logLine = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  unit: z.string(),
  /** As syslog counts: 0 emergency ... 7 debug. */
  priority: z.int().min(0).max(7),
  text: z.string(),
});

export const metricsSample = z.object({
  at: z.number(),
  uptimeSeconds: z.number(),
  cpu: z.object({ usagePercent: z.number(), perCore: z.array(z.number()), load: z.array(z.number()) }),
  memory: z.object({ totalBytes: z.number(), usedBytes: z.number() }),
  disks: z.array(z.object({ mount: z.string(), totalBytes: z.number(), usedBytes: z.number() })),
  network: z.array(z.object({ name: z.string(), rxBytesPerSecond: z.number(), txBytesPerSecond: z.number() })),
});
