# Decides colours by running untrusted lambdas, each in a process of its own that serves once.
#
# Runs in its own container as `ruby -e THIS-FILE LIMIT_S`; needs Ruby 2.7 and its standard library.
# Prints READY; then reads questions from stdin and writes answers to stdout, in any order:
#
#   question  <id> <colour|hidden> <bytes>\n  and that many bytes of JSON
#             colour: {"source", "stdout", "stderr", "status"}; hidden: {"patterns", "names"}
#   answer    <id> <bytes>\n  and that many bytes of JSON, one of
#             {"colour": "red"}, {"hidden": [indexes of names]}, {"bad_pattern": index, "message"},
#             and the fault {"context", "class", "message"}
#
# Three kinds of process:
#
#   front     speaks to the daemon; has no privilege, and never forks once it has read a question
#   nursery   forks cells; never sees a question, so that what a cell inherits is nobody's output
#   cell      waits, locked down, for one question; answers it over its socket; is swept away
#
# The nursery is root with CAP_SETUID and CAP_SETGID, and no more, because each cell gets a user id
# that nothing else has: the kernel then keeps cells from signalling, tracing and reading others,
# and all that a lambda started can be killed as the processes of one user.
#
# ASCII only: `-e` has the encoding of the locale.

require "json"
require "socket"

module TrafficLight
  READY = "dojo-runner traffic light ready\n"
  LIMIT_S = Float(ARGV.fetch(0)) # the time of a question, from its hand-over to a cell

  WORKERS = 4 # questions under way
  CELLS = 6 # more, so that the next question finds one that is warm
  FRONT_ID = 60_000 # user and group; below 65,536, where a remapped user name space ends
  FIRST_CELL_ID = 60_002 # each cell has two: its own, and the next, from which it sweeps

  QUESTION_BYTES = 4 * 1024 * 1024
  ANSWER_BYTES = { "colour" => 16 * 1024, "hidden" => 1024 * 1024 }.freeze
  MESSAGE_BYTES = 1024

  COLOURS = %w[red amber green].freeze
  EVALING = "exception when eval'ing lambda source"
  CALLING = "exception when calling lambda source"
  ILLEGAL = "illegal colour; must be one of ['red','amber','green']"

  CELL_LIMITS = {
    NPROC: 8, # where a fork bomb, or a herd of threads, ends
    DATA: 192 * 1024 * 1024, # Ruby itself takes 60
    AS: 512 * 1024 * 1024, # shared mappings do not count as data
    NOFILE: 32, # every socket has buffers
    FSIZE: 0, # there is nothing to write to
    CORE: 0,
    MSGQUEUE: 0, # message queues outlive their makers
    CPU: LIMIT_S.ceil + 1, # a second net below the sweep
  }.freeze

  def self.main
    Encoding.default_external = Encoding::UTF_8
    ours, theirs = UNIXSocket.pair(:SEQPACKET)
    fork do
      ours.close
      Nursery.new(theirs).run
    end
    theirs.close
    Front.new(ours).run
  end

  def self.fault(context, class_name, message)
    { "context" => context, "class" => text(class_name), "message" => text(message) }
  end

  def self.text(value)
    value.to_s.byteslice(0, MESSAGE_BYTES).force_encoding(Encoding::UTF_8).scrub("")
  end

  def self.take_groups_of(id)
    Process.groups = []
    Process::Sys.setresgid(id, id, id)
  end

  # Reads questions, hands each to a cell, and writes what is fit to be written of its answer.
  class Front
    CellAtHand = Struct.new(:number, :socket)

    def initialize(nursery)
      @nursery = nursery
      @cells = Queue.new
      @questions = SizedQueue.new(WORKERS)
      @one_frame_at_a_time = Mutex.new
    end

    def run
      # A bug in a thread must end the container, where the daemon sees it.
      Thread.abort_on_exception = true
      TrafficLight.take_groups_of(FRONT_ID)
      Process::Sys.setresuid(FRONT_ID, FRONT_ID, FRONT_ID)
      receive_cell until @cells.size == CELLS
      Thread.new { loop { receive_cell } }
      WORKERS.times { Thread.new { loop { serve(*@questions.pop) } } }
      $stdout.write(READY)
      $stdout.flush
      read_questions
      exit!(0) # the daemon has gone
    end

    private

    def receive_cell
      message, _sender, _flags, rights = @nursery.recvmsg(scm_rights: true)
      abort("the nursery has ended") if message.nil? || message.empty?
      abort("a cell cannot be locked down: #{message}") if rights.nil?
      @cells << CellAtHand.new(Integer(message), rights.unix_rights.first)
    end

    def read_questions
      while (header = $stdin.gets("\n", 64))
        id, kind, bytes = header.match(/\A(\d+) (colour|hidden) (\d{1,9})\n\z/)&.captures
        abort("unreadable frame: #{header.dump}") if id.nil? || bytes.to_i > QUESTION_BYTES
        @questions << [id, kind, $stdin.read(bytes.to_i)]
      end
    end

    def serve(id, kind, question)
      cell = living_cell
      answer = JSON.generate(ask(cell.socket, kind, question))
      @one_frame_at_a_time.synchronize do
        $stdout.write("#{id} #{answer.bytesize}\n", answer)
        $stdout.flush
      end
      discard(cell)
    end

    # A cell that has something to say before it was asked was killed for want of memory.
    def living_cell
      loop do
        cell = @cells.pop
        return cell unless cell.socket.wait_readable(0)

        discard(cell)
      end
    end

    def discard(cell)
      cell.socket.close
      @nursery.send(cell.number.to_s, 0)
    end

    # The write cannot take long: a cell reads all of its question before it evaluates anything.
    def ask(socket, kind, question)
      deadline = now + LIMIT_S
      socket.write(kind, "\n", question)
      socket.close_write
      line = read_line(socket, deadline, ANSWER_BYTES.fetch(kind))
      line ? checked(kind, line) : unanswered("Timeout", "no answer within #{LIMIT_S} s")
    rescue EOFError, SystemCallError
      unanswered("NoAnswer", "its process ended without an answer")
    end

    def read_line(socket, deadline, limit_bytes)
      line = "".b
      until line.end_with?("\n") || line.bytesize > limit_bytes
        return nil unless socket.wait_readable([deadline - now, 0].max)

        line << socket.readpartial(16 * 1024)
      end
      line
    end

    # A lambda may have written this itself: only what is rebuilt here reaches the daemon.
    def checked(kind, line)
      said = JSON.parse(line.force_encoding(Encoding::UTF_8))
      if kind == "colour" && COLOURS.include?(said["colour"])
        { "colour" => said["colour"] }
      elsif kind == "hidden" && said["hidden"]
        { "hidden" => said["hidden"].map { |index| Integer(index) } }
      elsif kind == "hidden" && said["bad_pattern"]
        { "bad_pattern" => Integer(said["bad_pattern"]),
          "message" => TrafficLight.text(said["message"]) }
      elsif [EVALING, CALLING, ILLEGAL].include?(said["context"])
        TrafficLight.fault(said["context"], said["class"], said["message"])
      else
        unanswered("NoAnswer", "its process spoilt its answer")
      end
    rescue StandardError
      unanswered("NoAnswer", "its process spoilt its answer")
    end

    def unanswered(class_name, message)
      TrafficLight.fault(CALLING, class_name, message)
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end

  # Forks every cell, and then a new one in the place of each that the front has discarded.
  class Nursery
    def initialize(front)
      @front = front
    end

    def run
      $stdin.reopen(File::NULL)
      $stdout.reopen(File::NULL)
      trap("CLD", "IGNORE") # the kernel reaps
      GC.start
      CELLS.times { |number| fork_cell(number) }
      while (number = @front.recv(16)) && !number.empty?
        fork_cell(Integer(number))
      end
    end

    private

    def fork_cell(number)
      fork do
        Cell.new(number).run(@front)
      ensure
        exit! # no at_exit of a lambda's
      end
    end
  end

  # Answers one question. What runs here after the question was read is the lambda's to break.
  class Cell
    def initialize(number)
      @number = number
      @id = FIRST_CELL_ID + 2 * number
    end

    def run(front)
      lock_down(front)
      socket, theirs = UNIXSocket.pair
      front.sendmsg(@number.to_s, 0, nil, Socket::AncillaryData.unix_rights(theirs))
      [front, theirs].each(&:close)
      kind, question = socket.read.force_encoding(Encoding::UTF_8).split("\n", 2)
      question = JSON.parse(question, symbolize_names: true)
      answer = kind == "colour" ? colour(**question) : hidden(**question)
      socket.write(JSON.generate(answer), "\n")
    end

    private

    def lock_down(front)
      trap("CLD", "DEFAULT")
      File.write("/proc/self/oom_score_adj", "1000") # the first to go when memory runs out
      Process.setsid
      TrafficLight.take_groups_of(@id)
      sweep
      Process::Sys.setresuid(@id, @id, @id)
      CELL_LIMITS.each { |name, limit| Process.setrlimit(name, limit) }
      $stderr.reopen(File::NULL)
      raise "it can become root again" if root_again?
    rescue StandardError => error
      front.send(error.message, 0)
      exit!
    end

    def root_again?
      Process::Sys.setuid(0)
      true
    rescue Errno::EPERM
      false
    end

    # Kills all that the last lambda of this id left behind, from an identity that may signal it
    # and cannot be signalled by it. One kill(-1) reaches even those who are forking; the rest
    # waits until they are gone.
    def sweep
      Process::Sys.setresuid(@id + 1, @id, @id + 1)
      Process.kill(:KILL, -1)
      sleep 0.001 while anyone_left?
      remove_system_v_objects
    end

    def anyone_left?
      Dir.glob("/proc/[0-9]*/status").any? do |path|
        File.read(path).match?(/^Uid:\t#{@id}\t/)
      rescue Errno::ENOENT, Errno::ESRCH
        false
      end
    end

    # They outlive their makers, and no limit forbids them.
    def remove_system_v_objects
      Dir.glob("/proc/sysvipc/*").each do |path|
        header, *rows = File.readlines(path).map(&:split)
        creator = header.index("cuid")
        rows.each { |row| remove_system_v(path, row[1]) if row[creator] == @id.to_s }
      end
    end

    # shmctl, semctl and msgctl take IPC_RMID, which is 0, in different places.
    def remove_system_v(path, id)
      require "fiddle"
      control = Fiddle::Handle::DEFAULT["#{File.basename(path)}ctl"]
      Fiddle::Function.new(
        control, [Fiddle::TYPE_INT, Fiddle::TYPE_INT, Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT
      ).call(Integer(id), 0, nil)
    end

    def colour(source:, stdout:, stderr:, status:)
      context = EVALING
      decide = eval(source, TOPLEVEL_BINDING.dup, "red_amber_green.rb")
      context = CALLING
      answer = decide.call(stdout, stderr, status.to_i)
      context = ILLEGAL
      answer = answer.to_s if answer.is_a?(Symbol)
      return { "colour" => answer } if COLOURS.include?(answer)

      shown = answer.is_a?(String) ? answer[0, MESSAGE_BYTES] : answer
      TrafficLight.fault(context, answer.class, shown.inspect)
    rescue Exception => error
      TrafficLight.fault(context, error.class, error.message)
    end

    def hidden(patterns:, names:)
      expressions = patterns.each_with_index.map do |pattern, index|
        Regexp.new(pattern)
      rescue RegexpError => error
        return { "bad_pattern" => index, "message" => TrafficLight.text(error.message) }
      end
      hits = names.each_index.select { |index| expressions.any? { |one| one.match?(names[index]) } }
      { "hidden" => hits }
    end
  end
end

TrafficLight.main
