# For scripts to source: makes and enters a fresh environment, which goes when the script ends.
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"${PYTHON:-python3}" -m venv "$environment"
source "$environment/bin/activate"
# setuptools would install modules out of an earlier build that have since been moved.
rm -rf build

quick_or() {
    pip list | grep -iE '^(tensorflow|keras|numpy|pandas|pillow|matplotlib|tqdm|pyarrow|scikit-learn) '
    if [ $# -eq 0 ]; then set -- -m "not slow"; fi
    pytest "$@"
}
