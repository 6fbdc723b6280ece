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

	// services and orders
	CodeServiceNotRenewable Code = "service_not_renewable"
	CodeOrderOpen           Code = "order_open"
	CodeOrderState          Code = "order_state"
	CodeOrderAmount         Code = "order_amount"
	CodeFinanceOnly         Code = "finance_only"
	CodePaymentRequired     Code = "payment_required"

	// certificates and applications
	CodeCertificateNotRenewable Code = "certificate_not_renewable"
	CodeRenewalTooEarly         Code = "renewal_too_early"
	CodeIdentityCodeInvalid     Code = "identity_code_invalid"
	CodeCertificateExpired      Code = "certificate_expired"
	CodeCertificateRevoked      Code = "certificate_revoked"
	CodeCertificateForeign      Code = "certificate_foreign"
	CodeCertificateUnknown      Code = "certificate_unknown"
	CodeServiceUnpaid           Code = "service_unpaid"
	CodeRenewalOpen             Code = "renewal_open"
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

	// connected registration authorities
	CodeAPIKeyInvalid       Code = "api_key_invalid"
	CodeAPIKeyExpired       Code = "api_key_expired"
	CodeProfileDenied       Code = "profile_denied"
	CodeOrganisationDenied  Code = "organisation_denied"
	CodeIdempotencyConflict Code = "idempotency_conflict"

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
	// services and orders
	CodeServiceNotRenewable,
	CodeOrderOpen,
	CodeOrderState,
	CodeOrderAmount,
	CodeFinanceOnly,
	CodePaymentRequired,
	// certificates and applications
	CodeCertificateNotRenewable,
	CodeRenewalTooEarly,
	CodeIdentityCodeInvalid,
	CodeCertificateExpired,
	CodeCertificateRevoked,
	CodeCertificateForeign,
	CodeCertificateUnknown,
	CodeServiceUnpaid,
	CodeRenewalOpen,
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
	// connected registration authorities
	CodeAPIKeyInvalid,
	CodeAPIKeyExpired,
	CodeProfileDenied,
	CodeOrganisationDenied,
	CodeIdempotencyConflict,
	// verification and import
	CodeVerifyMalformed,
	CodeVerifyUnsupported,
	CodeVerifyTooLarge,
	CodeImportBadRow,
}

// All lists every code, in the order of this file.
func All() []Code { return append([]Code(nil), all[:]...) }
