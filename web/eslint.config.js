import tseslint from 'typescript-eslint'
import { zones } from './zones.js'

export default tseslint.config(
  { ignores: ['dist/**', 'screens/**', '**/*.gen.ts'] },
  ...tseslint.configs.strict,
  {
    plugins: { signet: { rules: { zones } } },
    rules: {
      'signet/zones': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that defines it.' },
      ],
    },
  },
)
