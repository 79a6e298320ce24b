import { loadOrCreateEd25519 } from '@gatehouse/crypto';
import type { Area } from '../area.js';
import { METADATA, MetadataController, type MetadataOptions } from './metadata.controller.js';
import { originOf } from './metadata.js';
import { metadataKey } from './metadata-key.js';

/** What we say of ourselves: AuthZEN's metadata, signed. */
export const metadataArea: Area = {
  compose: ({ settings }) => {
    const file = settings.METADATA_KEY_FILE;
    const options: MetadataOptions = {
      origin: originOf(settings.PUBLIC_URL),
      ...(file !== undefined && { key: metadataKey(loadOrCreateEd25519(file)) }),
    };
    return { controllers: [MetadataController], providers: [{ provide: METADATA, useValue: options }] };
  },
};
