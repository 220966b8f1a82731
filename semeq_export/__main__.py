"""python -m semeq_export"""

from semeq_export.cli import main

main()
