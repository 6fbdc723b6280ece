package problem

// All codes, by area; sorted by what a person meets first. Adding one: a constant
// here, a line in all below, an enum value in api/openapi.yaml, both translations.
const (
	// any request
	CodeInternal            Code = "internal"
	CodeInvalidField        Code = "invalid_field"
	CodeMissingField        Code = "missing_field"
	CodeTooLong             Code = "too_long"
	CodeMalformedBody       Code = "malformed_body"
	CodeNotFound            Code = "not_found"
	CodeUnauthenticated     Code = "unauthenticated"
	CodeSessionExpired      Code = "session_expired"
	CodeForbidden           Code = "forbidden"
	CodeConflict            Code = "conflict"
	CodeRateLimited         Code = "rate_limited"
	CodeDatabaseUnavailable Code = "database_unavailable"
	CodeStorageFull         Code = "storage_full"
	CodeBadOrigin           Code = "bad_origin"
	CodePayloadTooLarge     Code = "payload_too_large"
	CodeUnsupportedMedia    Code = "unsupported_media"

	// logging in
	CodeCaptchaWrong       Code = "captcha_wrong"
	CodeCaptchaExpired     Code = "captcha_expired"
	CodeCaptchaRequired    Code = "captcha_required"
	CodeLoginFailed        Code = "login_failed"
	CodeLoginLocked        Code = "login_locked"
	CodeLoginDead          Code = "login_dead"
	CodeAccountFrozen      Code = "account_frozen"
	CodeSupplementRequired Code = "supplement_required"

	// second factors and staff
	CodeFactorWrong      Code = "factor_wrong"
	CodeLoginStepOver    Code = "login_step_over"
	CodeScanOver         Code = "scan_over"
	CodePhoneUnknown     Code = "phone_unknown"
	CodeInvitationOver   Code = "invitation_over"
	CodePowersSeparated  Code = "powers_separated"
	CodeSecondPerson     Code = "second_person"
	CodeStaffKeyRequired Code = "staff_key_required"
	CodeStaffSignature   Code = "staff_signature"

	// phones, one-time codes, passwords
	CodePhoneInvalid      Code = "phone_invalid"
	CodePhoneUsed         Code = "phone_used"
	CodeSMSTooSoon        Code = "sms_too_soon"
	CodeSMSLimit          Code = "sms_limit"
	CodeCodeWrong         Code = "code_wrong"
	CodeCodeExpired       Code = "code_expired"
	CodeCodeTriesExceeded Code = "code_tries_exceeded"
	CodePasswordWeak      Code = "password_weak"
	CodePasswordMismatch  Code = "password_mismatch"
	CodePasswordSame      Code = "password_same"

	// registering, members, closing
	CodeOrganisationKnown      Code = "organisation_known"
	CodeOrganisationUnverified Code = "organisation_unverified"
	CodeNumberInvalid          Code = "number_invalid"
	CodeNameInvalid            Code = "name_invalid"
	CodeAgreementOutdated      Code = "agreement_outdated"
	CodeAgreementRequired      Code = "agreement_required"
	CodeEmailInvalid           Code = "email_invalid"
	CodeLinkExpired            Code = "link_expired"
	CodeMemberState            Code = "member_state"
	CodeOrganisationChanged    Code = "organisation_changed"
	CodeKeyLoginShared         Code = "key_login_shared"
	CodeHandlerShared          Code = "handler_shared"
	CodeScopeDenied            Code = "scope_denied"
	CodeClosureBlocked         Code = "closure_blocked"

	// services and orders
	CodeServiceNotRenewable Code = "service_not_renewable"
	CodeOrderOpen           Code = "order_open"
	CodeOrderState          Code = "order_state"
	CodeOrderAmount         Code = "order_amount"
	CodeFinanceOnly         Code = "finance_only"
	CodePaymentRequired     Code = "payment_required"
	CodeRefundOpen          Code = "refund_open"
	CodeRefundUsed          Code = "refund_used"
	CodeRefundState         Code = "refund_state"
	CodeRefundSame          Code = "refund_same"
	CodeAuditBroken         Code = "audit_broken" // the audit chain does not hold, so it is not vouched for
	CodeStopOpen            Code = "stop_open"
	CodeStopSame            Code = "stop_same"
	CodeInvoiceOpen         Code = "invoice_open"
	CodeInvoiceState        Code = "invoice_state"
	CodeFileRefused         Code = "file_refused"
	CodeStatementRefused    Code = "statement_refused"
	CodeStatementColumns    Code = "statement_columns"
	CodeGatewayOff          Code = "gateway_off"
	CodeGatewayRefused      Code = "gateway_refused"

	// certificates and applications
	CodeCertificateNotRenewable Code = "certificate_not_renewable"
	CodeRenewalTooEarly         Code = "renewal_too_early"
	CodeRenewalTooLate          Code = "renewal_too_late"
	CodeApplicationsClosed      Code = "applications_closed"
	CodeIdentityCodeInvalid     Code = "identity_code_invalid"
	CodeCertificateExpired      Code = "certificate_expired"
	CodeCertificateRevoked      Code = "certificate_revoked"
	CodeCertificateForeign      Code = "certificate_foreign"
	CodeCertificateUnknown      Code = "certificate_unknown"
	CodeServiceUnpaid           Code = "service_unpaid"
	CodeRenewalOpen             Code = "renewal_open"
	CodeApplicationOpen         Code = "application_open"
	CodeApplicationKind         Code = "application_kind"
	CodeCertificateSuspended    Code = "certificate_suspended"
	CodeCertificateNotSuspended Code = "certificate_not_suspended"
	CodeApplicationState        Code = "application_state"
	CodeConsentRequired         Code = "consent_required"
	CodeConsentInvalid          Code = "consent_invalid"
	CodeConsentWrongKey         Code = "consent_wrong_key"

	// issuance
	CodeCSRMalformed    Code = "csr_malformed"
	CodeCSRSignature    Code = "csr_signature"
	CodeCSRKeyMismatch  Code = "csr_key_mismatch"
	CodeKeyCertified    Code = "key_certified"
	CodeKeyWeak         Code = "key_weak"
	CodeIssuanceStopped Code = "issuance_stopped"
	CodeIssuanceRefused Code = "issuance_refused"
	CodeProofFailed     Code = "proof_failed"

	// the desktop agent, pairing and tickets
	CodeAgentNone        Code = "agent_none"
	CodeAgentOffline     Code = "agent_offline"
	CodeAgentUnknown     Code = "agent_unknown"
	CodePairingCodeWrong Code = "pairing_code_wrong"
	CodePairingExpired   Code = "pairing_expired"
	CodeTicketExpired    Code = "ticket_expired"
	CodeTicketReplayed   Code = "ticket_replayed"
	CodeTicketInvalid    Code = "ticket_invalid"
	CodeJobExpired       Code = "job_expired"
	CodeJobState         Code = "job_state"

	// USB keys
	CodeKeyAbsent        Code = "key_absent"
	CodeKeyWrongSerial   Code = "key_wrong_serial"
	CodeKeyPulled        Code = "key_pulled"
	CodeKeyFull          Code = "key_full"
	CodePINWrong         Code = "pin_wrong"
	CodePINLocked        Code = "pin_locked"
	CodePINCancelled     Code = "pin_cancelled"
	CodeOperationRefused Code = "operation_refused"
	CodeAgentStopped     Code = "agent_stopped"

	// the token register, unlocking, flashing
	CodeTokenState     Code = "token_state"
	CodeTokenParked    Code = "token_parked"
	CodeKeyNeeded      Code = "key_needed"
	CodeKeyOnlyCopy    Code = "key_only_copy"
	CodeSOUnknown      Code = "so_unknown"
	CodeSOPINRefused   Code = "so_pin_refused"
	CodePINWeak        Code = "pin_weak"
	CodePINMustChange  Code = "pin_must_change"
	CodeKeyUnsupported Code = "key_unsupported"
	CodeKeySilent      Code = "key_silent"
	CodeUnlockState    Code = "unlock_state"
	CodeBatchState     Code = "batch_state"
	CodeLeaseHeld      Code = "lease_held"
	CodeLetterPrinted  Code = "letter_printed"

	// connected registration authorities
	CodeAPIKeyInvalid       Code = "api_key_invalid"
	CodeAPIKeyExpired       Code = "api_key_expired"
	CodeProfileDenied       Code = "profile_denied"
	CodeOrganisationDenied  Code = "organisation_denied"
	CodeIdempotencyConflict Code = "idempotency_conflict"

	// recovery of escrowed keys
	CodeKeyNotEscrowed      Code = "key_not_escrowed"
	CodeRecoveryOpen        Code = "recovery_open"
	CodeRecoveryState       Code = "recovery_state"
	CodeRecoveryUnavailable Code = "recovery_unavailable"
	CodeOfficerRefused      Code = "officer_refused"

	// sealed bids, shipments
	CodeSealedBids     Code = "sealed_bids"
	CodeSealLimit      Code = "seal_limit"
	CodeSealState      Code = "seal_state"
	CodeAddressMissing Code = "address_missing"
	CodeShipmentState  Code = "shipment_state"

	// reviewing
	CodeReviewClaimed    Code = "review_claimed"
	CodeReviewSamePerson Code = "review_same_person"

	// content
	CodeContentChanged Code = "content_changed"
	CodeContentTaken   Code = "content_taken"

	// materials
	CodeMaterialsMissing Code = "materials_missing"
	CodeMaterialLocked   Code = "material_locked"
	CodeMaterialsFull    Code = "materials_full"
	CodeUploadType       Code = "upload_type"
	CodeUploadTooLarge   Code = "upload_too_large"
	CodeUploadDamaged    Code = "upload_damaged"
	CodeUploadActive     Code = "upload_active"
	CodeUploadEncrypted  Code = "upload_encrypted"
	CodeUploadPages      Code = "upload_pages"

	// verification and import
	CodeVerifyMalformed   Code = "verify_malformed"
	CodeVerifyUnsupported Code = "verify_unsupported"
	CodeVerifyTooLarge    Code = "verify_too_large"
	CodeImportBadRow      Code = "import_bad_row"
)

var all = [...]Code{
	// any request
	CodeInternal,
	CodeInvalidField,
	CodeMissingField,
	CodeTooLong,
	CodeMalformedBody,
	CodeNotFound,
	CodeUnauthenticated,
	CodeSessionExpired,
	CodeForbidden,
	CodeConflict,
	CodeRateLimited,
	CodeDatabaseUnavailable,
	CodeStorageFull,
	CodeBadOrigin,
	CodePayloadTooLarge,
	CodeUnsupportedMedia,
	// logging in
	CodeCaptchaWrong,
	CodeCaptchaExpired,
	CodeCaptchaRequired,
	CodeLoginFailed,
	CodeLoginLocked,
	CodeLoginDead,
	CodeAccountFrozen,
	CodeSupplementRequired,
	// second factors and staff
	CodeFactorWrong,
	CodeLoginStepOver,
	CodeScanOver,
	CodePhoneUnknown,
	CodeInvitationOver,
	CodePowersSeparated,
	CodeSecondPerson,
	CodeStaffKeyRequired,
	CodeStaffSignature,
	// phones, one-time codes, passwords
	CodePhoneInvalid,
	CodePhoneUsed,
	CodeSMSTooSoon,
	CodeSMSLimit,
	CodeCodeWrong,
	CodeCodeExpired,
	CodeCodeTriesExceeded,
	CodePasswordWeak,
	CodePasswordMismatch,
	CodePasswordSame,
	// registering, members, closing
	CodeOrganisationKnown,
	CodeOrganisationUnverified,
	CodeNumberInvalid,
	CodeNameInvalid,
	CodeAgreementOutdated,
	CodeAgreementRequired,
	CodeEmailInvalid,
	CodeLinkExpired,
	CodeMemberState,
	CodeOrganisationChanged,
	CodeKeyLoginShared,
	CodeHandlerShared,
	CodeScopeDenied,
	CodeClosureBlocked,
	// services and orders
	CodeServiceNotRenewable,
	CodeOrderOpen,
	CodeOrderState,
	CodeOrderAmount,
	CodeFinanceOnly,
	CodePaymentRequired,
	CodeRefundOpen,
	CodeRefundUsed,
	CodeRefundState,
	CodeRefundSame,
	CodeAuditBroken,
	CodeStopOpen,
	CodeStopSame,
	CodeInvoiceOpen,
	CodeInvoiceState,
	CodeFileRefused,
	CodeStatementRefused,
	CodeStatementColumns,
	CodeGatewayOff,
	CodeGatewayRefused,
	// certificates and applications
	CodeCertificateNotRenewable,
	CodeRenewalTooEarly,
	CodeRenewalTooLate,
	CodeApplicationsClosed,
	CodeIdentityCodeInvalid,
	CodeCertificateExpired,
	CodeCertificateRevoked,
	CodeCertificateForeign,
	CodeCertificateUnknown,
	CodeServiceUnpaid,
	CodeRenewalOpen,
	CodeApplicationOpen,
	CodeApplicationKind,
	CodeCertificateSuspended,
	CodeCertificateNotSuspended,
	CodeApplicationState,
	CodeConsentRequired,
	CodeConsentInvalid,
	CodeConsentWrongKey,
	// issuance
	CodeCSRMalformed,
	CodeCSRSignature,
	CodeCSRKeyMismatch,
	CodeKeyCertified,
	CodeKeyWeak,
	CodeIssuanceStopped,
	CodeIssuanceRefused,
	CodeProofFailed,
	// the desktop agent, pairing and tickets
	CodeAgentNone,
	CodeAgentOffline,
	CodeAgentUnknown,
	CodePairingCodeWrong,
	CodePairingExpired,
	CodeTicketExpired,
	CodeTicketReplayed,
	CodeTicketInvalid,
	CodeJobExpired,
	CodeJobState,
	// USB keys
	CodeKeyAbsent,
	CodeKeyWrongSerial,
	CodeKeyPulled,
	CodeKeyFull,
	CodePINWrong,
	CodePINLocked,
	CodePINCancelled,
	CodeOperationRefused,
	CodeAgentStopped,
	// the token register, unlocking, flashing
	CodeTokenState,
	CodeTokenParked,
	CodeKeyNeeded,
	CodeKeyOnlyCopy,
	CodeSOUnknown,
	CodeSOPINRefused,
	CodePINWeak,
	CodePINMustChange,
	CodeKeyUnsupported,
	CodeKeySilent,
	CodeUnlockState,
	CodeBatchState,
	CodeLeaseHeld,
	CodeLetterPrinted,
	// connected registration authorities
	CodeAPIKeyInvalid,
	CodeAPIKeyExpired,
	CodeProfileDenied,
	CodeOrganisationDenied,
	CodeIdempotencyConflict,
	// recovery of escrowed keys
	CodeKeyNotEscrowed,
	CodeRecoveryOpen,
	CodeRecoveryState,
	CodeRecoveryUnavailable,
	CodeOfficerRefused,
	// sealed bids, shipments
	CodeSealedBids,
	CodeSealLimit,
	CodeSealState,
	CodeAddressMissing,
	CodeShipmentState,
	// reviewing
	CodeReviewClaimed,
	CodeReviewSamePerson,
	// content
	CodeContentChanged,
	CodeContentTaken,
	// materials
	CodeMaterialsMissing,
	CodeMaterialLocked,
	CodeMaterialsFull,
	CodeUploadType,
	CodeUploadTooLarge,
	CodeUploadDamaged,
	CodeUploadActive,
	CodeUploadEncrypted,
	CodeUploadPages,
	// verification and import
	CodeVerifyMalformed,
	CodeVerifyUnsupported,
	CodeVerifyTooLarge,
	CodeImportBadRow,
}

// All lists every code, in the order of this file.
func All() []Code { return append([]Code(nil), all[:]...) }
