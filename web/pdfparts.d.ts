import type { Plugin } from 'vite'

export declare const pdfParts: () => Plugin
