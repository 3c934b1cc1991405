// AwsSolutions of cdk-nag, and CDK's own checks, over the whole stack: fails on whatever is not let pass here, with a reason.
//
//     node build/nag.js DIRECTORY_OF_THE_FUNCTIONS
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { PerennialStack, type PerennialParameters } from './perennial-stack';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
// Nothing is given, so that every resource is there, and the template is what is looked at.
const parameters = {} as PerennialParameters;
const stack = new PerennialStack(app, 'perennial', { functions: process.argv[2] ?? '', parameters });

/** Lets a finding pass for some resources of the template. */
function letPass(id: string, resources: string[], reason: string): void {
  for (const name of resources) Validations.of(stack.template.getResource(name)).acknowledge({ id, reason });
}

letPass(
  'AwsSolutions::AwsSolutions-APIG4',
  ['FormRoute', 'FormStampRoute', 'FormChallengeRoute', 'VisitsRoute'],
  'A public form, as any visitor of a website fills it in; the function has limits per network and form.',
);
letPass(
  'AwsSolutions::AwsSolutions-APIG4',
  ['UnsubscribeRoute', 'PreferencesRoute', 'ProfileRoute', 'OptInRoute', 'ClickRoute', 'OpenRoute', 'DeskRoute', 'DeskLeadRoute'],
  'A link in a mail: whoever got the mail may follow it. Its path is a signed token of one purpose, which the function verifies.',
);
letPass(
  'AwsSolutions::AwsSolutions-APIG4',
  ['EventsRoute', 'DispositionsRoute'],
  'For systems that cannot sign for IAM: the function verifies a key, or a signature after Standard Webhooks.',
);
letPass(
  'AwsSolutions::AwsSolutions-SQS3',
  ['FailedFeedback', 'FailedMailEvents', 'FailedEvents', 'FailedHistory'],
  'It is a dead-letter queue itself: of targets, of asynchronous invocations, of the stream, of Feedback.',
);
letPass(
  'AwsSolutions::AwsSolutions-S1',
  ['Inbox'],
  'Mail stays for 30 days at most, and access logs of it would stay longer. Only SES writes, two roles read.',
);
letPass(
  'AwsSolutions::AwsSolutions-CFR1',
  ['Front'],
  'Leads and mailboxes are wherever they are; whoever sells to some countries only has a web ACL for that.',
);
letPass(
  'AwsSolutions::AwsSolutions-CFR3',
  ['Front'],
  'Access logs would hold paths, which hold tokens, beside the addresses of people. API Gateway logs what is not personal.',
);
letPass(
  'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
  ['HousekeepRole'],
  'ses:ListSuppressedDestinations, which knows no resource; nothing else has *.',
);
letPass(
  'AwsSolutions::AwsSolutions-IAM5[Resource::<Table.Arn>/stream/*]',
  ['PublishHistoryRole'],
  "dynamodb:ListStreams, which Lambda's poller needs, names streams of the one table.",
);
letPass(
  'AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/*@<SenderDomain>]',
  ['SendsMail'],
  'Addresses of the one domain that somebody may have verified by themselves: SES asks for those before the domain.',
);

const alarms = stack.template.node.findAll().filter((child) => child.node.id !== 'Template');
for (const child of alarms) {
  Validations.of(child).acknowledge({
    id: 'CloudFormation-Validate::F3033',
    reason: "It looks at both branches of an If with the parameter's default; an empty AlarmTopicArn takes the other one.",
  });
}
Validations.of(stack).acknowledge(
  { id: 'CloudFormation-Validate::W1001', reason: 'The reference stands in an If on the same condition.' },
  { id: 'CloudFormation-Validate::W2509', reason: 'SecretsPath is where the secrets lie, and none itself.' },
);
app.synth();
console.log('cdk-nag: AwsSolutions has nothing against the stack but what is let pass, with a reason, in nag.ts');
