// What the API server of Kubernetes 1.36 does with the fields of a volume, type by type.

import type { Json } from '../objects.ts';
import { FIELD_REF, RESOURCE_REF, RESOURCES } from './container-fields.ts';
import { pullPolicyOf } from './pull-policy.ts';
import { canonicalQuantity } from './quantity.ts';
import { at, authorsMap, filled, object, objects, type Rules, unset, zero } from './rules.ts';

/** A selector of labels, which selects everything when it is empty. */
export const SELECTOR: Rules = authorsMap('matchLabels');

/** Metadata of what is made from a template. */
export const METADATA: Rules = {
  ...zero('name generateName namespace selfLink uid resourceVersion generation'),
  ...authorsMap('labels'),
  ...authorsMap('annotations'),
};

const SECRET_REF = object('secretRef', zero('name'));
const MODE: Rules = { defaultMode: unset(0o644) };
const FILES = at('items[]', { ...object('fieldRef', FIELD_REF), ...object('resourceFieldRef', RESOURCE_REF) });

const SOURCES_OF_CONFIGURATION: Rules = {
  ...object('configMap', { ...zero('name'), ...MODE }),
  ...object('secret', { ...zero('secretName'), ...MODE }),
  ...object('downwardAPI', { ...FILES, ...MODE }),
  ...object('projected', {
    ...MODE,
    ...at('sources[]', {
      ...objects('configMap secret', zero('name')),
      ...object('downwardAPI', FILES),
      ...object('serviceAccountToken', { ...zero('audience'), expirationSeconds: filled(3600) }),
      ...object('clusterTrustBundle', object('labelSelector', SELECTOR)),
      ...object('podCertificate', {
        ...zero('signerName keyType credentialBundlePath keyPath certificateChainPath'),
        ...authorsMap('userAnnotations'),
      }),
    }),
  }),
};

const CLAIM: Rules = {
  ...at('metadata', METADATA),
  ...at('spec', {
    ...zero('volumeName'),
    volumeMode: filled('Filesystem'),
    ...at('resources', RESOURCES),
    ...object('selector', SELECTOR),
    ...objects('dataSource dataSourceRef'),
  }),
};

const DISKS_AND_SHARES: Rules = {
  ...objects('awsElasticBlockStore gcePersistentDisk', zero('fsType partition readOnly')),
  ...objects('azureFile glusterfs nfs persistentVolumeClaim', zero('readOnly')),
  ...objects('fc portworxVolume', zero('fsType readOnly')),
  ...object('azureDisk', {
    cachingMode: filled('ReadWrite'),
    fsType: filled('ext4'),
    kind: filled('Shared'),
    readOnly: filled(false),
  }),
  ...object('cephfs', { ...zero('path user secretFile readOnly'), ...SECRET_REF }),
  ...object('cinder', { ...zero('fsType readOnly'), ...SECRET_REF }),
  ...object('flexVolume', { ...zero('fsType readOnly'), ...authorsMap('options'), ...SECRET_REF }),
  ...object('flocker', zero('datasetName datasetUUID')),
  ...object('iscsi', {
    ...zero('fsType readOnly chapAuthDiscovery chapAuthSession'),
    lun: filled(0),
    iscsiInterface: filled('default', ''),
    ...SECRET_REF,
  }),
  ...object('photonPersistentDisk', zero('fsType')),
  ...object('quobyte', zero('readOnly user group tenant')),
  ...object('rbd', {
    ...zero('fsType readOnly'),
    pool: filled('rbd', ''),
    user: filled('admin', ''),
    keyring: filled('/etc/ceph/keyring', ''),
    ...SECRET_REF,
  }),
  ...object('scaleIO', {
    ...zero('sslEnabled protectionDomain storagePool volumeName readOnly'),
    storageMode: filled('ThinProvisioned', ''),
    fsType: filled('xfs', ''),
    ...SECRET_REF,
  }),
  ...object('storageos', { ...zero('volumeName volumeNamespace fsType readOnly'), ...SECRET_REF }),
  ...object('vsphereVolume', zero('fsType storagePolicyName storagePolicyID')),
};

/** The rules of one volume; one without a source is an empty directory. */
export const VOLUME: Rules = {
  ...SOURCES_OF_CONFIGURATION,
  ...DISKS_AND_SHARES,
  emptyDir: { keepsEmpty: true, fill: (volume) => (hasSource(volume) ? undefined : {}) },
  ...at('emptyDir', { ...zero('medium'), sizeLimit: { rewrite: canonicalQuantity } }),
  ...object('gitRepo', zero('revision directory')),
  ...object('hostPath', { type: filled('') }),
  ...object('csi', { ...authorsMap('volumeAttributes'), ...object('nodePublishSecretRef', zero('name')) }),
  ...object('ephemeral', object('volumeClaimTemplate', CLAIM)),
  ...object('image', { ...zero('reference'), pullPolicy: { ...unset(''), fill: ({ reference }) => pullPolicyOf(reference) } }),
};

function hasSource(volume: Json): boolean {
  return Object.entries(volume).some(([key, value]) => key !== 'name' && value !== undefined && value !== null);
}
