-- +goose Up
-- What a replacement (补办) put out of use was revoked at the CA, whole, and was shown as renewed.
UPDATE ra_certificates SET state = 'revoked'
WHERE state = 'superseded' AND origin = 'signet' AND id IN (SELECT certificate_id FROM ra_applications WHERE kind = 'replace' AND state = 'completed');
