// The AWS SDK for JavaScript as a client of windlass: finds credentials as any
// program does whose environment names a place, and prints them as JSON.
//
// Usage: node credentials.mjs WAY, with WAY one of chain (what every client of
// the SDK does by itself), container, http, imds, ini and process (the providers
// by name).

import {
  fromContainerMetadata,
  fromHttp,
  fromIni,
  fromInstanceMetadata,
  fromNodeProviderChain,
  fromProcess,
} from "@aws-sdk/credential-providers";

const ways = {
  chain: fromNodeProviderChain,
  container: fromContainerMetadata,
  http: fromHttp,
  imds: fromInstanceMetadata,
  ini: fromIni,
  process: fromProcess,
};
try {
  const found = await ways[process.argv[2]]()();
  console.log(
    JSON.stringify({
      keyId: found.accessKeyId,
      secretLength: found.secretAccessKey.length,
      tokenLength: found.sessionToken.length,
      secondsLeft: found.expiration
        ? Math.round((found.expiration - Date.now()) / 1000)
        : null,
    }),
  );
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
