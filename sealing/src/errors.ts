/** Something that came from outside is not what it has to be. The message says what is wrong with it, never a secret. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
}
