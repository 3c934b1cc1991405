// A deployment of your own: copy this file, or use PerennialStack in an app that you have.
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { PerennialStack } from './perennial-stack';

const { BASE_URL: baseUrl, SENDER_DOMAIN: senderDomain } = process.env;
if (!baseUrl || !senderDomain) throw new Error('set BASE_URL and SENDER_DOMAIN, or write your own into app.ts');

const app = new App();
new PerennialStack(app, 'perennial', {
  functions: join(__dirname, '..', '..', '..', 'target', 'functions'),
  parameters: { baseUrl, senderDomain },
});
app.synth();
