import { Session, type Runtime } from 'node:inspector';
import { runInThisContext } from 'node:vm';

/** What Node.js answers besides what its types say. */
interface Properties extends Runtime.GetPropertiesReturnType {
  readonly privateProperties?: readonly { readonly value: Runtime.RemoteObject }[];
}

/** Where the inspector evaluates, and finds what is put there. */
const realm = runInThisContext('globalThis') as { inspected?: object; found?: unknown[] };

/** How a value is passed to a function that the inspector calls: an object by its id. */
function argumentOf({ value, objectId }: Runtime.RemoteObject): Runtime.CallArgument {
  return objectId === undefined ? { value: value as unknown } : { objectId };
}

/** The values of an object's `#private` members, which only the inspector sees. */
export function privateMembersOf(object: object): unknown[] {
  const session = new Session();
  session.connect();
  try {
    realm.inspected = object;
    session.post('Runtime.evaluate', { expression: 'globalThis.inspected' }, (_error, { result: { objectId = '' } }) => {
      session.post('Runtime.getProperties', { objectId, ownProperties: true }, (__error, { privateProperties = [] }: Properties) => {
        const values = privateProperties.map(({ value }) => argumentOf(value));
        const functionDeclaration = '(...values) => { globalThis.found = values; }';
        session.post('Runtime.callFunctionOn', { objectId, functionDeclaration, arguments: values });
      });
    });
    return realm.found ?? [];
  } finally {
    delete realm.inspected;
    delete realm.found;
    session.disconnect();
  }
}
