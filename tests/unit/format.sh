#!/bin/bash
# All C is as .clang-format has it. clang-format 14 is the measure: others break lines elsewhere.
cd "$(dirname "$0")/../.." || exit 1
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "SKIPPED: no clang-format"; exit 77; }
"$tool" --version | grep -q 'version 14\.' || { echo "SKIPPED: clang-format is not version 14"; exit 77; }
git ls-files -z '*.[ch]' | xargs -0 "$tool" --dry-run -Werror
