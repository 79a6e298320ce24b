import { ProblemError } from '@gatehouse/http';
import { secretPart } from '@gatehouse/sdk';
import type { z } from 'zod';
import type { SecretData } from '../content.js';
import { referenceOf } from '../path.js';
import type { References } from '../references.js';
import type { SecretRead, VersionView } from '../views.js';
import type { content } from './shapes.js';

type Content = Pick<z.output<typeof content>, 'value' | 'valueBase64' | 'data'>;

export const contentOf = ({ value, valueBase64, data }: Content): SecretData => {
  if (data !== undefined) return data;
  return value !== undefined ? { value } : { value_base64: valueBase64 };
};

/** @throws ProblemError `version_deleted`, `version_destroyed` */
export function readAnswer(tenantId: string, read: SecretRead) {
  const { data, destroyed } = read;
  if (data === null) throw new ProblemError(destroyed ? 'version_destroyed' : 'version_deleted');
  return { ...read, reference: referenceOf(tenantId, read.path), ...singleValue(data) };
}

export async function writtenAnswer(references: References, tenantId: string, view: VersionView) {
  const { path } = view;
  // Said once: who writes the second version has seen it.
  const warnings = view.version === 1 ? await references.warnings(tenantId, path) : [];
  return { ...view, reference: referenceOf(tenantId, path), warnings };
}

function singleValue(data: SecretData): { value?: string; valueBase64?: string } {
  switch (secretPart(data)) {
    case 'value':
      return { value: data.value as string };
    case 'single_member':
      return { value: Object.values(data)[0] as string };
    case 'value_base64':
      return { valueBase64: data.value_base64 as string };
    default:
      return {};
  }
}
