import type { zh } from './messages.zh-CN'

export const en: typeof zh = {
  title: 'Import holders',
  help: 'Takes over holders whose certificates another CA issued: a sheet (XLSX or CSV) and a ZIP of the certificates and those of their CAs, at least one root. Run it dry first, look at every problem row, then import. The same again changes nothing. At most 5,000 rows; signetctl import legacy takes more.',
  sheet: 'Sheet of holders',
  archive: 'ZIP of certificates',
  batch: 'Name of the batch',
  project: 'Project (of rows that name none)',
  password: 'Initial password that holders were given',
  noStatus: 'These CAs publish no revocation status any more',
  dryRun: 'Dry run',
  commit: 'Import',
  figures: (dry, rows, imported, unchanged, failed) => `${dry ? 'Dry run, nothing was written: ' : 'Imported: '}${rows} rows, ${imported} ${dry ? 'can be imported' : 'imported'}, ${unchanged} unchanged, ${failed} with problems`,
  anchors: 'These CAs will be trusted; compare the fingerprints',
  root: 'root',
  row: (n) => `Row ${n}`,
  warning: 'Note',
}
