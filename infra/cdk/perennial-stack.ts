import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Stack, type CfnParameter, type CfnResource, type StackProps } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import type { CfnFunction } from 'aws-cdk-lib/aws-sam';
import type { Construct } from 'constructs';

/** The parameters of `infra/template.yaml`, which says what each means. */
export interface PerennialParameters {
  readonly baseUrl: string;
  readonly certificateArn?: string;
  readonly frontCertificateArn?: string;
  readonly webAclArn?: string;
  readonly frontSecretVersion?: number;
  readonly senderDomain: string;
  readonly createSenderIdentity?: boolean;
  readonly replyDomain?: string;
  readonly receiptRuleSet?: string;
  readonly secretsPath?: string;
  readonly secretsKeyArn?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string[];
  readonly repClaim?: string;
  readonly operatorClaim?: string;
  readonly webhookEvents?: string[];
  readonly architecture?: 'x86_64' | 'arm64';
  readonly amazonRootsOnly?: boolean;
  readonly logRetentionDays?: number;
  readonly alarmTopicArn?: string;
  readonly dashboard?: boolean;
}

export interface PerennialProps extends StackProps {
  readonly parameters: PerennialParameters;
  /** Where `infra/package` has put the functions. */
  readonly functions: string;
}

/**
 * The stack of `infra/template.yaml`: the template is included as it stands, so there is no second description of it.
 *
 * A parameter that is given is put in its place, and checked here as CloudFormation would check it; one that is not
 * stays a parameter of the stack.
 */
export class PerennialStack extends Stack {
  /** What was included: any resource of the template is reached by its name. */
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: PerennialProps) {
    super(scope, id, props);
    const templateFile = join(__dirname, '..', '..', 'template.yaml');
    const given = Object.entries(props.parameters).filter(([, value]) => value !== undefined);
    const parameters = Object.fromEntries(given.map(([name, value]) => [inTemplate(name), asText(value)]));
    const declared = new CfnInclude(new Stack(), 'Declared', { templateFile });
    for (const [name, value] of Object.entries(parameters)) check(name, value, declared.getParameter(name));

    // A number or a text is the same to CloudFormation; a list is not.
    const isList = (name: string) => declared.getParameter(name).type === 'CommaDelimitedList';
    const values = Object.entries(parameters).map(([name, value]) => [name, isList(name) ? value.split(',') : value]);
    this.template = new CfnInclude(this, 'Template', { templateFile, parameters: Object.fromEntries(values) });
    for (const [name, path] of FUNCTIONS) this.upload(this.template.getResource(name), join(props.functions, path));
  }

  /** SAM would package a local directory; CDK has assets for that. */
  private upload(resource: CfnResource, path: string): void {
    if (!existsSync(join(path, 'bootstrap'))) throw new Error(`${path} holds no bootstrap: run infra/package first`);
    const asset = new Asset(this, `${resource.node.id}Code`, { path });
    (resource as CfnFunction).codeUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
  }
}

/** The functions of the template, and the crates that they are. */
const FUNCTIONS: [string, string][] = [
  ['IngestLead', 'ingest-lead'],
  ['ScheduleTouch', 'schedule-touch'],
  ['RecordEngagement', 'record-engagement'],
  ['EvaluateRequalification', 'evaluate-requalification'],
  ['SalesDesk', 'sales-desk'],
  ['Notify', 'notify'],
  ['Housekeep', 'housekeep'],
  ['PublishHistory', 'publish-history'],
];

function inTemplate(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function asText(value: string | string[] | number | boolean): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

function check(name: string, value: string, declared: CfnParameter): void {
  const { allowedPattern, allowedValues, constraintDescription } = declared;
  const fits = allowedPattern === undefined || new RegExp(`^(?:${allowedPattern})$`).test(value);
  const isOne = allowedValues === undefined || allowedValues.map(String).includes(value);
  if (!fits || !isOne) throw new Error(constraintDescription ?? `${name} must be one of ${allowedValues?.join(', ')}`);
}
