import { createHash } from 'node:crypto';

/**
 * SHA-256 of keys that stand in public documents and sample configurations of Marie, without their prefix: the same text is
 * published under both. Anybody may have them, so none of them becomes a key here.
 */
const published: ReadonlySet<string> = new Set([
  '47527ef253dde9a643cbf608e7fa77b31cfeb838b03bc412e7abffdb71aabea5',
  'd38b08f6dd29a40d3d4f063918994f27b8a7a457e7fcaa37cf8bf74606e64786',
  '0f7ee7c118e34a27f6bff5813c64f4207664ad3323614fcbfbd134a08dcd2478',
  '5bd43384f70ab04a6a73d4ef71eb43f003ad6df165d0d252eb569dbbe20cea15',
  '3e1404bf8e427ac45bbff8bf1d2ad1851ce9bd42f501149f93a72052e6d77141',
]);

/** Whether a `mas_` or `mau_` key is one of the published samples. */
export const isPublishedKey = (key: string): boolean =>
  published.has(createHash('sha256').update(key.slice(4)).digest('hex'));
