#!/usr/bin/env bash
# review.sh BASE COMMENT.md: what the policies that changed since the revision BASE lead to, in Markdown.
# STORE (a store's URL), DATA (a table) and CHECK (true or false) come from the environment; all may be empty.
set -uo pipefail
base=$1 comment=$2 failed=0
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT

fenced() { # the output of a command, and its exit code
    echo '```'
    "$@" 2>&1
    local code=$?
    echo '```'
    return $code
}

review() {
    local policy=$1 was="$old/was.yaml"
    echo "## $policy"
    fenced modelmedic validate "$policy" || { failed=1; return; }
    echo "<details><summary>Who decides what</summary>"; echo
    fenced modelmedic explain "$policy"
    echo "</details>"; echo
    git show "$base:$policy" > "$was" 2>/dev/null || { echo "It is new: there is nothing to compare it with."; return; }
    if [ -n "${STORE:-}" ]; then
        echo "### The past by it, beside the policy before"
        fenced modelmedic replay "$policy" --against "$was" --store "$STORE" --check || [ "${CHECK:-false}" != true ] || failed=1
    fi
    if [ -n "${DATA:-}" ]; then
        echo "### Past rows by the policy before, and by this one"
        for each in "$was" "$policy"; do fenced modelmedic backtest "$each" --data "$DATA" --ways frozen,policy; done
    fi
}

{
    while IFS= read -r file; do
        grep -q '^kind: HealingPolicy *$' "$file" 2>/dev/null && review "$file"
    done < <(git diff --name-only --diff-filter=AM "$base" -- '*.yaml' '*.yml')
} > "$comment"
exit $failed
