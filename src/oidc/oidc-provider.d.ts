declare module 'oidc-provider' {
  type Instance = import('./provider-types.ts').Provider;
  type Context = import('./provider-types.ts').Context;

  export const Provider: new (issuer: string, configuration: object) => Instance;

  export class Check {
    constructor(
      reason: string,
      description: string,
      error: string,
      check: (context: Context) => boolean,
      details?: () => object,
    );
  }

  export class Prompt {
    constructor(facts: { readonly name: string; readonly requestable: boolean });
    readonly checks: { add(check: Check): void };
  }

  export const interactionPolicy: {
    readonly Check: typeof Check;
    readonly Prompt: typeof Prompt;
    base(): Prompt[] & { get(name: string): Prompt; remove(name: string): void; add(prompt: Prompt): void };
  };

  export const errors: {
    readonly InvalidGrant: new (detail: string) => Error;
    readonly InvalidScope: new (description: string, scope: string) => Error;
    readonly InvalidTarget: new (detail?: string) => Error;
    readonly SessionNotFound: new (description: string) => Error;
  };
}
