# resetctl in fish: resetctl completion fish | source
function __resetctl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lines ($words[1] __complete $words[2..] "$word" 2>/dev/null)
    if test "$lines[1]" = :files
        set -l flag (string match -r -- '^-.*?=' $word)
        set -l path (string replace -r -- '^-.*?=' '' $word)
        for line in (__fish_complete_path "$path")
            printf '%s%s\n' "$flag" $line
        end
        return
    end
    printf '%s\n' $lines
end
complete -c resetctl -f -a '(__resetctl_complete)'
