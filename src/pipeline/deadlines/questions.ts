/** What is asked to find out which rules apply: of an organisation once, of an incident each time. */

export interface Question {
  readonly id: string;
  readonly text: string;
}

export const ORGANISATION_QUESTIONS: readonly Question[] = [
  { id: 'eu_personal_data', text: 'Does it decide about the processing of personal data under the GDPR (controller)?' },
  { id: 'eu_processor', text: 'Does it process personal data for others under the GDPR (processor)?' },
  { id: 'nis2_entity', text: 'Is it an essential or important entity under NIS2?' },
  { id: 'nis2_trust_service', text: 'Is it a trust service provider?' },
  { id: 'dora_entity', text: 'Is it a financial entity under DORA?' },
  { id: 'cra_manufacturer', text: 'Does it make products with digital elements for the market of the European Union?' },
  { id: 'sec_registrant', text: 'Does it report to the SEC?' },
  { id: 'hipaa_entity', text: 'Is it a covered entity under HIPAA?' },
  { id: 'hipaa_business_associate', text: 'Is it a business associate under HIPAA?' },
  { id: 'nydfs_entity', text: 'Is it licensed by the New York Department of Financial Services?' },
  { id: 'circia_entity', text: 'Is it a covered entity under CIRCIA?' },
  { id: 'uk_personal_data', text: 'Does it decide about the processing of personal data under the UK GDPR?' },
  { id: 'uk_critical', text: 'Is it critical infrastructure in the United Kingdom?' },
  { id: 'au_privacy_act', text: 'Is it bound by the Australian Privacy Act?' },
  { id: 'au_critical_infrastructure', text: 'Is it responsible for a critical asset under the Australian SOCI Act?' },
  { id: 'au_ransom_turnover', text: 'Does it turn over A$ 3 million or more in Australia?' },
  { id: 'sg_organisation', text: 'Is it bound by the PDPA of Singapore?' },
  { id: 'in_organisation', text: 'Does it operate systems in India?' },
  { id: 'jp_business', text: 'Does it handle personal information in Japan?' },
  { id: 'br_controller', text: 'Does it decide about the processing of personal data under the LGPD?' },
  { id: 'br_small', text: 'Is it a small processing agent under the LGPD?' },
  { id: 'ca_organisation', text: 'Is it bound by PIPEDA?' },
  { id: 'ca_bank', text: 'Is it a federally regulated financial institution in Canada?' },
  { id: 'card_data', text: 'Does it store, process or transmit payment-card data?' },
  { id: 'ch_critical', text: 'Is it critical infrastructure in Switzerland?' },
];

export const INCIDENT_QUESTIONS: readonly Question[] = [
  { id: 'personal_data', text: 'Are personal data affected?' },
  { id: 'risk_unlikely', text: 'Is a risk to the rights of people unlikely?' },
  { id: 'high_risk', text: 'Is a high risk to people likely?' },
  { id: 'serious_harm', text: 'Is serious or significant harm to a person likely?' },
  { id: 'significant', text: 'Is it significant for the service (disruption, damage to others)?' },
  { id: 'major_ict', text: 'Is it classified as a major ICT-related incident?' },
  { id: 'exploited_vulnerability', text: 'Is a vulnerability of an own product actively exploited?' },
  { id: 'product_incident', text: 'Does it severely affect the security of an own product?' },
  { id: 'material', text: 'Is it material for investors?' },
  { id: 'unsecured_phi', text: 'Is unsecured protected health information affected?' },
  { id: 'persons_500', text: 'Are 500 or more individuals affected (health information)?' },
  { id: 'over_500_in_state', text: 'Are more than 500 residents of one state affected (health information)?' },
  { id: 'nydfs_event', text: 'Is it an event that 23 NYCRR 500.17(a) names?' },
  { id: 'ransom_paid', text: 'Was a ransom paid?' },
  { id: 'critical_impact', text: 'Does it significantly affect the availability of a critical asset?' },
  { id: 'sg_scale_or_harm', text: 'Are 500 or more persons affected, or is significant harm likely (Singapore)?' },
  { id: 'in_listed', text: 'Is it of a kind that the direction of CERT-In lists?' },
  { id: 'jp_listed', text: 'Is it of a category that Enforcement Rule 7 lists (Japan)?' },
  { id: 'malicious', text: 'Was it done with an improper purpose?' },
  { id: 'card_data_affected', text: 'Could account data of payment cards be compromised?' },
];

export const ANSWERS = ['yes', 'no', 'unknown'] as const;
export type AnswerWord = (typeof ANSWERS)[number];

/** What was answered; a question without an answer is unknown. */
export type Answers = { readonly [question: string]: AnswerWord };
