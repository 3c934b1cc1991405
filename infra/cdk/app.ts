// A deployment of your own: copy this file, or use PerennialStack in an app that you have.
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { PerennialStack } from './perennial-stack';

const app = new App();
new PerennialStack(app, 'perennial', {
  functions: join(__dirname, '..', '..', '..', 'target', 'functions'),
  parameters: { baseUrl: 'https://leads.example.com', senderDomain: 'example.com' },
});
app.synth();
