#!/bin/sh
# Reads .env in the current directory, for the scripts that source this file.
#
# .env is read as Compose and the program read it. Where these two would disagree about a value, the
# script ends with an error.

# Prints the last value of a variable in .env: with or without `export`, spaces around `=`, quotes, a
# comment behind it, a byte-order mark, line ends of Windows.
read_dotenv() {
    LC_ALL=C awk -v name="$1" '
        NR == 1 { sub(/^\357\273\277/, "") }
        { sub(/\r$/, "") }
        # The other lines of a value in quotes.
        open { if (index($0, open)) open = ""; next }
        {
            line = $0
            sub(/^[ \t]*(export[ \t]+)?/, "", line)
            if (line !~ /^[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) next
            value = key = line
            sub(/[ \t]*=.*/, "", key)
            sub(/^[^=]*=[ \t]*/, "", value)
            quote = substr(value, 1, 1)
            if (quote == "\"" || quote == "\047") {
                value = substr(value, 2)
                end = index(value, quote)
                if (!end) open = quote
                rest = substr(value, end + 1)
                value = substr(value, 1, end - 1)
                clear = end && rest ~ /^[ \t]*(#.*)?$/ && value !~ /\\/ && !index(value, "${")
                clear = clear && !(quote == "\"" && index(value, "$"))
            } else {
                clear = value !~ /\t#/ && !index(value, "$")
                sub(/ +#.*/, "", value)
                sub(/[ \t]+$/, "", value)
            }
            if (key == name) { found = value; unclear = !clear }
        }
        END { if (unclear) exit 1; printf "%s", found }
    ' .env || {
        echo "The value of $1 in .env is ambiguous: write it on one line in single quotes, without" \
            "backslashes and \${, or put it into the environment." >&2
        exit 1
    }
}

# Prints a variable of the environment, or else of .env.
setting() {
    if value=$(printenv "$1") && [ -n "$value" ]; then
        printf '%s' "$value"
    elif [ -f .env ]; then
        read_dotenv "$1"
    fi
}
